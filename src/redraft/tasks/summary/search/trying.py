"""Answers of a model about documents in the styles of a search, round by round."""

from __future__ import annotations

import random as randoms
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example
from redraft.core.prediction import Predictor
from redraft.core.sight import Sight
from redraft.core.work import Silent, Work
from redraft.tasks.summary.budget.measure import measured
from redraft.tasks.summary.budget.planner import ANSWER_TOKENS, QUESTION_TOKENS
from redraft.tasks.summary.conversation import question
from redraft.tasks.summary.drawing import draw_pages, lay_out_truth
from redraft.tasks.summary.pages.layout import Layout
from redraft.tasks.summary.score import score_answers
from redraft.tasks.summary.search.pareto import Point, better_half, rounds
from redraft.tasks.summary.search.record import Answered, Record
from redraft.tasks.summary.search.space import Trial

BATCH = 8
"""Documents that are drawn and asked about at once."""
TOO_LONG = "too_long"
"""The reason of a document whose pages in a style do not fit into the model or its options."""


class Trying:
    """options: of the dataset, complete. lend: opens the model, when it is first needed. Documents that do not fit
    in a style count as failed there."""

    def __init__(
        self,
        examples: Sequence[Example],
        options: Mapping[str, Any],
        sight: Sight,
        lend: Callable[[], Predictor],
        record: Record,
        work: Work,
        seed: int,
    ) -> None:
        order = list(examples)
        randoms.Random(seed).shuffle(order)  # each round takes the first ones: none of them is a special part
        self.examples, self.options = order, {**options, "variety": 0.0, "keep_images": False}
        self.sight, self.lend, self.record, self.work = sight, lend, record, work
        self._predictor: Predictor | None = None

    def run(self, trials: Sequence[Trial]) -> list[Trial]:
        """Tries them; the ones that came through all rounds, and so answered about every document."""
        left, plan = list(trials), rounds(len(self.examples), len(trials))
        for number, documents in enumerate(plan, start=1):
            stage = f"round {number} of {len(plan)}: {len(left)} styles, {documents} documents"
            for done, trial in enumerate(left):
                self.work.progress(stage, done, len(left), trial.label)
                self._answer(trial, self.examples[:documents])
            self.work.progress(stage, len(left), len(left))
            if documents < len(self.examples):
                points = [self._point(trial, self.examples[:documents]) for trial in left]
                left = [left[index] for index in better_half(points, always=0)]
        return left

    def answers(self, trial: Trial) -> list[Answered]:
        """What is known of a trial, in the order of the documents."""
        known = self.record.known
        return [known[key] for example in self.examples if (key := (trial.number, example.id)) in known]

    def _point(self, trial: Trial, examples: Sequence[Example]) -> Point:
        """By these documents alone: a search that goes on must choose as it did before."""
        rows = [self.record.known[trial.number, example.id] for example in examples]
        return Point(sum(row.value for row in rows) / len(rows), sum(row.tokens for row in rows) / len(rows))

    def _answer(self, trial: Trial, examples: Sequence[Example]) -> None:
        waiting = [one for one in examples if (trial.number, one.id) not in self.record.known]
        for start in range(0, len(waiting), BATCH):
            self.record.add(self._ask(trial, waiting[start : start + BATCH]))

    def _ask(self, trial: Trial, examples: Sequence[Example]) -> Iterator[Answered]:
        page = self.sight.picture(*trial.style.pixels)
        if self._predictor is None:
            self._predictor = self.lend()
        limit = getattr(getattr(self._predictor, "settings", None), "max_new_tokens", ANSWER_TOKENS)
        asks = QUESTION_TOKENS + self.sight.text_tokens(self.options["instruction"])
        room = None if self.sight.positions is None else self.sight.positions - limit - asks
        asked: list[tuple[Example, Answered]] = []
        for example in examples:
            try:
                layout = lay_out_truth(example.truth, example.seed, self.options, style=trial.style)
            except (InputError, UsageError):  # more pages than the dataset's options allow, or a page without room
                yield Answered(
                    trial.number, example.id, 0.0, TOO_LONG, self.options["max_pages"], page.tokens, 0, 0, 0
                )
                continue
            cost = self._cost(trial, example, layout)
            if room is None or cost.tokens <= room:
                asked.append((self._shown(trial, example), cost))
            else:
                yield cost
        if not asked:
            return
        predictions = self._predictor.predict([example for example, _ in asked])
        texts = [rows[0].text for rows in predictions]
        scores = score_answers(texts, [example for example, _ in asked], Silent())
        for (example, cost), rows, score in zip(asked, predictions, scores, strict=True):
            value, seconds = (score.value if score.ok else 0.0), round(rows[0].seconds, 4)
            yield Answered(
                trial.number,
                example.id,
                value,
                score.reason,
                cost.pages,
                cost.page_tokens,
                cost.text_tokens,
                cost.letters,
                seconds,
            )

    def _cost(self, trial: Trial, example: Example, layout: Layout) -> Answered:
        """As of a document that is too long, until there is an answer."""
        text = layout.document.text
        found = measured(layout, len(text), self.sight.text_tokens(text), self.sight)
        texts, letters = round(sum(found.page_texts), 1), round(found.letters, 3)
        return Answered(
            trial.number, example.id, 0.0, TOO_LONG, found.pages, found.page_tokens, texts, letters, 0.0
        )

    def _shown(self, trial: Trial, example: Example) -> Example:
        images = draw_pages(example.truth, example.seed, self.options, style=trial.style).images
        return Example(example.id, images, (question(self.options, len(images)),), example.truth, example.seed)
