"""The score of an answer: the solid that it builds, held against the true one.

value is the intersection over union (IoU) of the two solids in millimetres, after each has been put with the
lower corner of its box at the origin: a drawing shows no origin, so none is asked for. Nothing is scaled or turned
to fit, with one exception that is none: a compact answer says no size, so its largest side is the drawing's, as it
is when a person reconstructs a part.
A failure is 0 with its reason: parse, refused, limit, execute, timeout, memory, crash, empty, invalid_solid,
non_manifold, or invalid_truth where the part itself is at fault. docs/scoring.md explains every detail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from redraft.core.errors import Refusal
from redraft.core.score import Detail, Score
from redraft.core.work import Work
from redraft.tasks.cad.answers import Answer, put_to_size, read_answer
from redraft.tasks.cad.kernel.outcome import Outcome
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.program.codec import from_data, to_data
from redraft.tasks.cad.program.transform import translate

Truth = Mapping[str, Any]
MEASURED = ("iou", "iou_aligned", "iou_scaled", "betti_equal", "bbox_error_mm")
"""Taken from the kernel's "compare" as they are."""
MESSAGE = 300
"""Characters kept of the sentence that explains a failure."""


def score_answers(
    answers: Sequence[str], truths: Sequence[Truth], work: Work, *, quick: bool = False
) -> list[Score]:
    """One score an answer, in their order; the solids are built and compared in the kernel's processes.

    quick compares the solids' meshes alone (true to 0.005) and leaves the Chamfer distances out.
    """
    total = len(answers)
    outcomes: list[Outcome] = []
    read: dict[int, Answer] = {}
    for number, (text, truth) in enumerate(zip(answers, truths, strict=True)):
        outcome = _read(text, truth)
        outcomes.append(outcome)
        if outcome.ok:
            read[number] = outcome.value
    measured = shared_pool().map("measure", ({"program": to_data(a.program)} for a in list(read.values())))
    requests: dict[int, dict[str, Any]] = {}
    for (number, answer), outcome in zip(list(read.items()), measured, strict=True):
        outcomes[number] = outcome if not outcome.ok or outcome.value["valid"] else _invalid(outcome)
        if outcomes[number].ok:
            how = {"exact": not quick, "chamfer": not quick}
            requests[number] = _request(answer, outcome.value, truths[number]) | how
    for (number, _), outcome in zip(requests.items(), shared_pool().map("compare", _only(requests)), strict=True):
        outcomes[number] = outcome
        work.progress("scoring", number + 1, total)
    work.progress("scoring", total, total)
    steps = {number: [step.operation.value for step in answer.program.steps] for number, answer in read.items()}
    return [
        _score(answers[number], truths[number], steps.get(number, []), outcomes[number]) for number in range(total)
    ]


def _read(text: str, truth: Truth) -> Outcome:
    if not truth.get("valid", True):
        return Outcome("invalid_truth", "the part itself is no valid solid")
    if not text.strip():
        return Outcome("empty", "the answer is empty")
    try:
        return Outcome("ok", "", read_answer(text))
    except Refusal as error:
        return Outcome(error.code, str(error))


def _invalid(measured: Outcome) -> Outcome:
    return Outcome(measured.value["reason"], measured.value["detail"])


def _request(answer: Answer, measured: Mapping[str, Any], truth: Truth) -> dict[str, Any]:
    x, y, z = truth["bbox_min"]
    return {
        "a": {"program": to_data(put_to_size(answer, measured, max(truth["size_mm"])))},
        "b": {"program": to_data(translate(from_data(truth["program"]), (-x, -y, -z)))},
    }


def _only(requests: Mapping[int, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from requests.values()


def _score(text: str, truth: Truth, operations: Sequence[str], outcome: Outcome) -> Score:
    wanted = [step["operation"] for step in truth["program"]["steps"]]
    details: dict[str, Detail] = {
        "characters": len(text),
        "extrusions": len(operations),
        "extrusions_true": len(wanted),
        "operations_right": _plain(operations) == _plain(wanted),
    }
    if not outcome.ok:
        return Score(0.0, outcome.reason, details | {"message": outcome.detail[:MESSAGE]})
    found = outcome.value
    details |= {name: found.get(name) for name in MEASURED}
    details |= {f"chamfer_{name}": value for name, value in (found.get("chamfer") or {}).items()}
    return Score(min(1.0, max(0.0, float(found["iou"]))), "ok", details)


def _plain(operations: Sequence[str]) -> list[str]:
    """A new body after the first is fused, so that it is a join."""
    return ["join" if operation == "new" else operation for operation in operations]
