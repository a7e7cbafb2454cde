"""Every fault of an example is found, named, and no more severe than it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from task_parts import PLATE, example, program, quiet

from redraft.core.example import Example, message
from redraft.core.score import Fault
from redraft.tasks.cad.check import BATCH
from redraft.tasks.cad.program.codec import to_data
from redraft.tasks.cad.task import TASK


@pytest.fixture(scope="module")
def plate() -> Example:
    return example()


def faults(*examples: Example, **options: Any) -> list[Fault]:
    return list(TASK.check(examples, TASK.options(options), quiet()))


def kinds(found: Iterable[Fault]) -> list[tuple[str, str]]:
    return [(fault.kind, fault.severity) for fault in found]


def with_answer(part: Example, answer: str) -> Example:
    return replace(part, messages=(*part.prompt, message("assistant", answer)))


def with_truth(part: Example, **changed: Any) -> Example:
    return replace(part, truth={**part.truth, **changed})


def test_a_sound_example_has_none(plate: Example) -> None:
    assert faults(plate) == []
    assert faults(example(keep_images=False), keep_images=False) == []


def test_views_in_the_wrong_order(plate: Example) -> None:
    front, top, right = plate.images
    swapped = plate.with_images((front, replace(right, path="top.png"), replace(top, path="right.png")))
    found = faults(swapped)
    assert kinds(found) == [("wrong_view", "error"), ("wrong_view", "error")]
    assert "top.png" in found[0].reason and "right.png" in found[1].reason
    assert ("view_order", "error") in kinds(faults(plate.with_images((top, front, right))))


def test_a_missing_view(plate: Example) -> None:
    assert kinds(faults(plate.with_images(plate.images[:2]))) == [("missing_view", "error")]


def test_a_view_in_another_style(plate: Example) -> None:
    found = faults(plate, style={"line_width": 4.0})
    assert kinds(found) == [("wrong_view", "error")] * 3


def test_a_picture_cut_off_in_the_middle(plate: Example) -> None:
    first = plate.images[0]
    broken = replace(first, bytes=first.bytes[: len(first.bytes) // 2])
    found = faults(plate.with_images((broken, *plate.images[1:])))
    assert kinds(found) == [("broken_image", "error")] and "front.png" in found[0].reason


def test_a_history_that_disagrees_with_its_own_box_is_a_warning(plate: Example) -> None:
    assert faults(with_truth(plate, stated_size_mm=[64.0, 32.0, 16.1])) == []
    found = faults(with_truth(plate, stated_size_mm=[64.0, 32.0, 20.0]))
    assert kinds(found) == [("history_box", "warning")]
    assert "64 x 32 x 20" in found[0].reason and "64 x 32 x 16" in found[0].reason


def test_a_truth_that_says_another_size(plate: Example) -> None:
    assert ("size", "error") in kinds(faults(with_truth(plate, size_mm=[65.0, 32.0, 16.0])))


def test_an_invalid_solid(plate: Example) -> None:
    edge = to_data(program("+ z 0 32\nr 0 0 64 32\nr 64 32 128 64"))
    found = faults(with_truth(plate, program=edge))
    assert found[0].kind == "invalid_solid" and found[0].severity == "error"
    assert "non_manifold" in found[0].reason


def test_a_truth_that_is_no_program(plate: Example) -> None:
    found = faults(with_truth(plate, program={"format": 1, "steps": []}))
    assert kinds(found) == [("invalid_solid", "error")]


@pytest.mark.parametrize(
    ("answer", "kind", "severity"),
    [
        ("", "no_answer", "error"),
        ("+ z 0", "wrong_answer", "error"),
        ("+ z 0 12\nr 0 0 128 64", "wrong_answer", "error"),
        ("+ z 0 26\nr 0 0 128 64\no 64 32 16", "coarse_answer", "warning"),
        ("+ z 0 32\nr 0 0 128 64\n- z 0 32\nc 64 32 16", "other_answer", "warning"),
    ],
)
def test_an_answer_that_is_not_the_truths(plate: Example, answer: str, kind: str, severity: str) -> None:
    assert (kind, severity) in kinds(faults(with_answer(plate, answer)))


def test_faults_name_their_example_among_sound_ones(plate: Example) -> None:
    parts = [replace(plate, id=f"part-{number}") for number in range(BATCH + 2)]
    parts[3] = with_answer(parts[3], PLATE + "\nx")
    parts[BATCH] = with_answer(parts[BATCH], "")
    assert [fault.id for fault in faults(*parts)] == ["part-3", f"part-{BATCH}"]
