"""The task cad: front, top and right view of a part to its editable program and its solid."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from redraft import __version__
from redraft.core.errors import RedraftError
from redraft.core.example import Example, Image, Message
from redraft.core.score import Fault, Score
from redraft.core.spread import Payload
from redraft.core.task import Importer, Options
from redraft.core.work import Work
from redraft.tasks.cad import options as cad_options
from redraft.tasks.cad.check import check_examples
from redraft.tasks.cad.conversation import conversation, question
from redraft.tasks.cad.identity import view_key
from redraft.tasks.cad.illustrate import illustrate
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.score import score_answers
from redraft.tasks.cad.truth import VIEW_FILES, images_of

REVISION = "1"
"""Goes up when the same truth would be drawn or asked differently."""
LIBRARIES = ("cadquery-ocp-novtk", "skia-python", "numpy")


class CadTask:
    """Implements `core.task.Task`. It keeps no state; the kernel's processes are shared by the whole process."""

    name = "cad"
    title = "Front, top and right view of a part to its editable CAD program and its solid"
    revision = REVISION
    image_names = VIEW_FILES

    def options(self, given: Options) -> dict[str, Any]:
        """See `options.CadOptions` for the names, their meaning and their defaults."""
        return cad_options.complete(given)

    def generate(self, count: int, seed: int, options: Options, work: Work) -> Iterator[Example]:
        from redraft.tasks.cad.produce import produce_examples

        return produce_examples(count, seed, self.options(options), work)

    def pieces(self, job: str, payloads: Sequence[Payload]) -> list[Any]:
        from redraft.tasks.cad.produce import pieces

        return list(pieces(job, payloads))

    def importers(self) -> Mapping[str, Importer]:
        from redraft.tasks.cad.imports import IMPORTERS

        return IMPORTERS

    def draw(self, truth: Mapping[str, Any], seed: int, options: Options) -> tuple[Image, ...]:
        """The three views. seed decides nothing: a drawing has no random choice."""
        request = {"program": truth["program"], "style": options["style"], "exact": options["exact"]}
        outcome = shared_pool().call("views", request)
        if outcome.reason != "ok":
            raise RedraftError(
                f"a part cannot be drawn ({outcome.reason}: {outcome.detail})",
                where=str(truth.get("source", "its truth")),
                remedy="`redraft data check` names such parts",
            )
        return images_of(outcome.value)

    def messages(self, truth: Mapping[str, Any], options: Options) -> tuple[Message, ...]:
        return conversation(truth, options)

    def montage(self, images: Sequence[Image]) -> Image:
        """The three views on one sheet, for exports that take one image a part."""
        from redraft.tasks.cad.views.sheet import draw_sheet

        return Image("sheet.png", draw_sheet({Path(image.path).stem: image.bytes for image in images}))

    def prompt(self, options: Options) -> tuple[Message, ...]:
        return (question(options),)

    def same(self, example: Example) -> str:
        """The truth's `view_key`; of an example from elsewhere, the key of its pictures or of its drawing."""
        known = example.truth.get("view_key")
        if known:
            return str(known)
        return view_key(example.images or self.draw(example.truth, example.seed, self.options({})))

    def check(self, examples: Iterable[Example], options: Options, work: Work) -> Iterator[Fault]:
        return check_examples(examples, self.options(options), work)

    def score(self, answers: Sequence[str], examples: Sequence[Example], work: Work) -> list[Score]:
        return score_answers(answers, [example.truth for example in examples], work)

    def illustrate(self, answer: str, example: Example) -> tuple[Image, ...]:
        """The views of what an answer builds, for a report; none where it builds nothing."""
        return illustrate(answer, example)

    def versions(self) -> dict[str, str]:
        return {
            "redraft": __version__,
            "task cad": REVISION,
            **{name: importlib.metadata.version(name) for name in LIBRARIES},
        }


TASK = CadTask()
