"""What is wrong with the examples of a cad dataset: pictures, solids, histories, answers, each held to the others.

Every example is built and drawn again in the kernel's processes, and its answer is built and compared with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Literal

from redraft.core.errors import Refusal
from redraft.core.example import Example
from redraft.core.score import Fault, Score
from redraft.core.work import Work
from redraft.tasks.cad.answers import answer_text
from redraft.tasks.cad.kernel.outcome import Outcome
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.pictures import PictureFault, ink_agreement, pixels
from redraft.tasks.cad.sameness import says_the_truth
from redraft.tasks.cad.score import score_answers
from redraft.tasks.cad.truth import VIEW_FILES, images_of

SAME_ANSWER = 0.9
"""IoU of the answer's solid with the truth's below which the grid is too coarse for the part: a warning."""
WRONG_ANSWER = 0.5
"""IoU below which the answer is not that of this part at all, whatever its grid: an error."""
STATED_SIZE = 0.01
"""Part of the largest side by which a history's own bounding box may differ from its solid's."""
GIVEN_VIEW = 0.5
"""Agreement with our drawing below which a picture that a person brought is held to show something else."""
CERTAIN = Score(1.0)
BATCH = 128
"""Examples checked together, so that the kernel's processes are all at work."""


def check_examples(examples: Iterable[Example], options: Mapping[str, Any], work: Work) -> Iterator[Fault]:
    """Every fault of every example, in order. options: complete ones."""
    remaining, done = iter(examples), 0
    while batch := list(islice(remaining, BATCH)):
        requests = deque(_request(example, options) for example in batch)
        outcomes = shared_pool().map("describe", requests)
        described = {example.id: outcome for example, outcome in zip(batch, outcomes, strict=True)}
        sound = [example for example in batch if described[example.id].reason == "ok"]
        # An answer that is the truth's own program needs no solid of its own to be compared.
        certain = {e.id: CERTAIN for e in sound if says_the_truth(e.answer, e.truth, options)}
        open_ = [e for e in sound if e.id not in certain]
        scores = score_answers([e.answer for e in open_], [e.truth for e in open_], _Quiet(work), quick=True)
        by_id = certain | {example.id: score for example, score in zip(open_, scores, strict=True)}
        for example in batch:
            done += 1
            work.progress("checking parts", done)
            yield from _solid_faults(example, described[example.id])
            if example.id in by_id:
                yield from _view_faults(example, described[example.id].value, options)
                yield from _answer_faults(example, by_id[example.id].value, by_id[example.id].reason, options)


def _request(example: Example, options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "program": example.truth.get("program", {}),
        "style": options["style"],
        "exact": options["exact"],
    }


def _fault(example: Example, kind: str, severity: Literal["error", "warning"], reason: str) -> Fault:
    return Fault(example.id, kind, severity, reason)


def _solid_faults(example: Example, outcome: Outcome) -> Iterator[Fault]:
    if outcome.reason != "ok":
        yield _fault(example, "invalid_solid", "error", f"{outcome.reason}: {outcome.detail}")
        return
    found = outcome.value["measure"]
    if not found["valid"]:
        yield _fault(example, "invalid_solid", "error", f"{found['reason']}: {found['detail']}")
    size, stated = found["bbox_mm"], example.truth.get("stated_size_mm")
    allowed = STATED_SIZE * max(size)
    if stated and any(abs(a - b) > allowed for a, b in zip(size, stated, strict=True)):
        yield _fault(
            example,
            "history_box",
            "warning",
            f"the history says its box is {_mm(stated)}, its solid's is {_mm(size)}",
        )
    kept = example.truth.get("size_mm")
    if kept and any(abs(a - b) > 1e-3 * max(size) for a, b in zip(size, kept, strict=True)):
        yield _fault(example, "size", "error", f"the truth says the part is {_mm(kept)}, it builds to {_mm(size)}")


def _view_faults(example: Example, described: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[Fault]:
    given = example.truth.get("views") == "given"
    if not example.images and not given:
        return  # the dataset keeps no pictures: the reader draws them
    if len(example.images) != len(VIEW_FILES):
        yield _fault(example, "missing_view", "error", f"{len(example.images)} pictures, not {len(VIEW_FILES)}")
        return
    drawn = images_of(described)
    for name, image, right in zip(VIEW_FILES, example.images, drawn, strict=True):
        if image.bytes == right.bytes:
            continue
        if image.path != name:
            yield _fault(example, "view_order", "error", f"'{image.path}' stands where {name} belongs")
        try:
            found = pixels(image.bytes)
        except PictureFault as error:
            yield _fault(example, "broken_image", "error", f"{name}: {error}")
            continue
        wanted = pixels(right.bytes)
        if given:
            share = ink_agreement(found, wanted)
            if share < GIVEN_VIEW:
                reason = f"{name} agrees with the part's drawing by {share:.2f} of 1"
                yield _fault(example, "wrong_view", "warning", reason)
        elif found.shape != wanted.shape or (found != wanted).any():
            share = ink_agreement(found, wanted)
            reason = f"{name} is not the view that its truth draws (agreement {share:.2f} of 1)"
            yield _fault(example, "wrong_view", "error", reason)


def _answer_faults(example: Example, value: float, reason: str, options: Mapping[str, Any]) -> Iterator[Fault]:
    if not example.answer.strip():
        yield _fault(example, "no_answer", "error", "the example has no answer")
        return
    if reason != "ok":
        yield _fault(example, "wrong_answer", "error", f"the answer does not build: {reason}")
        return
    if value < WRONG_ANSWER:
        yield _fault(example, "wrong_answer", "error", f"the answer builds another part (IoU {value:.3f})")
    elif value < SAME_ANSWER:
        yield _fault(
            example, "coarse_answer", "warning", f"on this grid the answer's IoU with the part is {value:.3f}"
        )
    try:
        same = answer_text(example.truth, options) == example.answer.strip()
    except Refusal:
        same = True
    if not same and value >= WRONG_ANSWER:
        yield _fault(example, "other_answer", "warning", "the answer is not the text that its truth writes")


def _mm(size: Iterable[float]) -> str:
    return " x ".join(f"{side:.4g}" for side in size) + " mm"


class _Quiet:
    """A Work whose progress is the outer one's to tell."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)
