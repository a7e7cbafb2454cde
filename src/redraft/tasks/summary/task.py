"""The task summary: the pages of a long document to its summary (DeepSynth)."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from redraft import __version__
from redraft.core.example import Example, Image, Message
from redraft.core.offers import Mark, Transform
from redraft.core.score import Detail, Fault, Score
from redraft.core.spread import Payload
from redraft.core.task import Importer, Options
from redraft.core.work import Work
from redraft.tasks.summary import options as summary_options
from redraft.tasks.summary.conversation import conversation, question
from redraft.tasks.summary.imports.known import KNOWN_SETS
from redraft.tasks.summary.measures import MEASURES
from redraft.tasks.summary.truth import FIELDS

REVISION = "1"
"""Goes up when the same truth would be drawn or asked differently."""
LIBRARIES = ("skia-python", "markdown-it-py", "matplotlib")
"""They decide what a page looks like."""


class SummaryTask:
    """Implements `core.task.Task` and all of `core.offers`. It keeps no state."""

    name = "summary"
    title = "The pages of a long document to its summary"
    revision = REVISION
    image_names: tuple[str, ...] = ()
    row_columns: Mapping[str, tuple[str, ...]] = {
        "text": ("text", "article", "document", "content", "body", "input"),
        "summary": ("summary", "highlights", "abstract", "target", "tldr"),
        "image": ("image", "images", "pages"),
        "title": ("title",),
        "language": ("language", "lang"),
        "format": ("format",),
        "licence": ("licence", "license"),
        "id": ("id",),
        "source_dataset": ("source_dataset",),
        "original_split": ("original_split",),
        "original_index": ("original_index",),
    }
    """The last three are those of the first DeepSynth's rows."""
    draws_elsewhere = True
    data_categories = ("summarization", "image-to-text")
    truth_fields = FIELDS
    row_needed = (("text", "image"), ("summary",))
    known_sets = KNOWN_SETS
    measures: Mapping[str, str] = MEASURES

    def options(self, given: Options) -> dict[str, Any]:
        """See `options.SummaryOptions` for the names, their meaning and their defaults."""
        return summary_options.complete(given)

    def generate(self, count: int, seed: int, options: Options, work: Work) -> Iterator[Example]:
        from redraft.tasks.summary.generate import generate_examples

        return generate_examples(count, seed, self.options(options), work)

    def pieces(self, job: str, payloads: Sequence[Payload]) -> list[Any]:
        from redraft.tasks.summary.generate import pieces

        return list(pieces(job, payloads))

    def importers(self) -> Mapping[str, Importer]:
        from redraft.tasks.summary.imports import IMPORTERS

        return IMPORTERS

    def draw(self, truth: Mapping[str, Any], seed: int, options: Options) -> tuple[Image, ...]:
        """The pages. seed decides the style where `variety` is above 0, and nothing else."""
        from redraft.tasks.summary.drawing import draw_pages

        return draw_pages(truth, seed, self.options(options)).images

    def messages(self, truth: Mapping[str, Any], options: Options) -> tuple[Message, ...]:
        from redraft.tasks.summary.drawing import count_pages

        complete = self.options(options)
        return conversation(str(truth["summary"]), complete, count_pages(truth, 0, complete))

    def prompt(self, options: Options) -> tuple[Message, ...]:
        """Of one page; a document of more has as many image places (`conversation.question`)."""
        return (question(self.options(options), 1),)

    def same(self, example: Example) -> str:
        from redraft.tasks.summary.identity import document_key

        return document_key(example)

    def check(self, examples: Iterable[Example], options: Options, work: Work) -> Iterator[Fault]:
        from redraft.tasks.summary.check import check_examples

        return check_examples(examples, self.options(options), work)

    def score(self, answers: Sequence[str], examples: Sequence[Example], work: Work) -> list[Score]:
        from redraft.tasks.summary.score import score_answers

        return score_answers(answers, examples, work)

    def baselines(self, examples: Sequence[Example], work: Work) -> Mapping[str, list[str]]:
        from redraft.tasks.summary.baselines import baselines

        return baselines(examples, work)

    def marks(self, answer: str, example: Example) -> Sequence[Mark]:
        from redraft.tasks.summary.score.marks import marks_of

        return marks_of(answer, example)

    def measure(
        self, name: str, setting: str, answers: Sequence[str], examples: Sequence[Example], work: Work
    ) -> list[Mapping[str, Detail]]:
        from redraft.tasks.summary.measures import measure

        return measure(name, setting, answers, examples, work)

    def transform(self, options: Options, settings: Mapping[str, Any], seed: int) -> Transform:
        from redraft.tasks.summary.augment import create_training_transform

        return create_training_transform(self.options(options), seed=seed, **settings)

    def as_text(self, example: Example, characters: int | None = None) -> Example:
        from redraft.tasks.summary.in_text import as_text

        return as_text(example, characters)

    def row_fault(self, row: Mapping[str, Any], options: Options) -> str | None:
        from redraft.tasks.summary.rows import fault_of

        return fault_of(row, self.options(options))

    def from_row(self, row: Mapping[str, Any], id: str, options: Options) -> Example:
        from redraft.tasks.summary.rows import example_of

        return example_of(row, id, self.options(options))

    def versions(self) -> dict[str, str]:
        from redraft.tasks.summary.pages.fonts import fonts_digest

        return {
            "redraft": __version__,
            "task summary": REVISION,
            "fonts": fonts_digest(),
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
        }


TASK = SummaryTask()
