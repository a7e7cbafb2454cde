"""Answers with their scores: of a model, or of anything else that answers the same examples."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redraft.core.errors import UsageError
from redraft.core.example import Example
from redraft.core.offers import HasBaselines, MeasuresMore, offers
from redraft.core.prediction import Prediction, Predictor
from redraft.core.recipe import Evaluate
from redraft.core.score import Score
from redraft.core.task import Task
from redraft.core.work import Work
from redraft.inference.summary import compare, summarise


@dataclass(frozen=True, slots=True)
class Judged:
    """Answers to all examples: as many scores an example as answers, the first answer's first."""

    name: str
    answers: list[list[Prediction]]
    scores: list[list[Score]]
    seconds: float

    @property
    def first(self) -> list[Score]:
        return [row[0] for row in self.scores]

    def beside(self, model: Judged, seed: int) -> dict[str, Any]:
        """Its figures, with the gain of the model over it."""
        return {**summarise(self.first, seed), "gain": compare(model.first, self.first, seed)}


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure that was asked for beyond the task's score, with its setting: `core.offers.MeasuresMore`."""

    name: str
    setting: str = ""


def judge(
    predictor: Predictor,
    task: Task,
    examples: Sequence[Example],
    settings: Evaluate,
    work: Work,
    measures: Sequence[Measure] = (),
    *,
    name: str = "",
) -> Judged:
    """The predictor's answers, scored. name: what to call it, by default its own name."""
    name = name or predictor.name
    started, answers = time.perf_counter(), []
    stage = f"answering ({name})"
    work.progress(stage, 0, len(examples))
    for start in range(0, len(examples), settings.batch_size):
        batch = examples[start : start + settings.batch_size]
        answers += predictor.predict(batch, samples=settings.samples)
        work.progress(stage, len(answers), len(examples))
    return _scored(name, answers, task, examples, work, measures, time.perf_counter() - started)


def judge_baselines(
    task: Task, examples: Sequence[Example], work: Work, measures: Sequence[Measure] = ()
) -> list[Judged]:
    """The task's answers that need no model, scored; none for a task without any."""
    offered = offers(task, HasBaselines)
    if offered is None:
        return []
    return [
        _scored(
            name,
            [
                [Prediction(example.id, text, "stop", 0, 0.0)]
                for text, example in zip(texts, examples, strict=True)
            ],
            task,
            examples,
            work,
            measures,
            0.0,
        )
        for name, texts in offered.baselines(examples, work).items()
    ]


def check_measures(task: Task, measures: Sequence[Measure], work: Work) -> None:
    """A UsageError where a measure is unknown to the task or its setting is wrong, before anything is answered."""
    offered = offers(task, MeasuresMore)
    for measure in measures:
        known: Mapping[str, str] = offered.measures if offered is not None else {}
        if offered is None or measure.name not in known:
            raise UsageError(
                f"the task {task.name} has no measure '{measure.name}'",
                remedy="; ".join(f"{name}: {told}" for name, told in known.items()) or "Leave out --measure",
            )
        offered.measure(measure.name, measure.setting, [], [], work)


def _scored(
    name: str,
    answers: list[list[Prediction]],
    task: Task,
    examples: Sequence[Example],
    work: Work,
    measures: Sequence[Measure],
    seconds: float,
) -> Judged:
    flat = [answer.text for row in answers for answer in row]
    owners = [example for row, example in zip(answers, examples, strict=True) for _ in row]
    scores = task.score(flat, owners, work)
    offered = offers(task, MeasuresMore)
    for measure in measures:
        if offered is None:
            continue
        more = offered.measure(measure.name, measure.setting, flat, owners, work)
        scores = [
            replace(score, details={**score.details, **found}) for score, found in zip(scores, more, strict=True)
        ]
    left = iter(scores)
    return Judged(name, answers, [[next(left) for _ in row] for row in answers], seconds)
