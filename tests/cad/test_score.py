"""The score of answers beyond the task's own cases: numbers, reasons, and the order of many."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from task_parts import PLATE, example, program, quiet

from redraft.core.errors import Refusal
from redraft.core.example import Example
from redraft.tasks.cad.answers import read_answer
from redraft.tasks.cad.dialects import write_program
from redraft.tasks.cad.kernel.outcome import REASONS
from redraft.tasks.cad.task import TASK

BOX, HOLE = 64 * 32 * 16, math.pi * 64 * 16
BOTH = (32 * 16 - math.pi * 64 / 4 - math.pi * 16) * 8
"""What the plate at half its size shares with the plate, lower corners together: not its own hole, not a quarter
of the larger one."""
HALF_SIZE = BOTH / ((BOX - HOLE) * 9 / 8 - BOTH)
WORDS = ("+", "-", "&", ",", "z", "x", "y", "r", "p", "l", "a", "c", "o", "h", "0", "5", "64", "128", "\n")


@pytest.fixture(scope="module")
def plate() -> Example:
    return example(at=(5.0, -3.0, 100.0))


@pytest.mark.parametrize("radius", [4, 8, 12, 20, 28])
def test_a_hole_of_another_radius(plate: Example, radius: int) -> None:
    (score,) = TASK.score([f"+ z 0 32\nr 0 0 128 64\no 64 32 {radius}"], [plate], quiet())
    mine, theirs = BOX - math.pi * (radius / 2) ** 2 * 16, BOX - HOLE
    assert score.value == pytest.approx(min(mine, theirs) / max(mine, theirs), abs=1e-6)
    assert score.details["iou"] == score.value
    assert score.details["betti_equal"] is True and score.details["operations_right"] is True


def test_millimetres_count_where_the_dialect_says_them(plate: Example) -> None:
    small = write_program(program(mm=0.25), "openecad")
    (score,) = TASK.score([small], [plate], quiet())
    assert score.value == pytest.approx(HALF_SIZE, abs=1e-4)
    assert score.details["iou_scaled"] == pytest.approx(1, abs=1e-4)
    assert score.details["bbox_error_mm"] == pytest.approx(32, abs=1e-3)


def test_a_compact_answer_takes_the_drawings_size(plate: Example) -> None:
    body = "+ z 0 8\nr 0 0 32 16\no 16 8 4"
    headed = f"compact 1 grid 32 size 32 16 8\n{body}"
    unsized, sized = TASK.score([body, headed], [plate, plate], quiet())
    assert unsized.value == pytest.approx(1, abs=1e-6)
    assert sized.value == pytest.approx(HALF_SIZE, abs=1e-6)


def test_details_are_there_for_successes_and_failures(plate: Example) -> None:
    good, bad = TASK.score([PLATE, "nonsense"], [plate, plate], quiet())
    for name in ("iou", "iou_aligned", "iou_scaled", "chamfer_deepcad", "chamfer_cadrille", "bbox_error_mm"):
        assert isinstance(good.details[name], float), name
        assert name not in bad.details
    assert bad.details["message"] and bad.details["characters"] == 8


def test_chamfer_of_equal_parts_is_sampling_noise(plate: Example) -> None:
    (score,) = TASK.score([PLATE], [plate], quiet())
    assert 0 < float(score.details["chamfer_cadrille"]) < 5e-4  # type: ignore[arg-type]


def test_many_answers_come_back_in_order(plate: Example) -> None:
    texts = [PLATE if number % 3 else "no" for number in range(24)]
    scores = TASK.score(texts, [plate] * 24, quiet())
    assert [score.ok for score in scores] == [bool(number % 3) for number in range(24)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200) | st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))
def test_any_text_is_a_program_or_a_refusal_with_a_known_reason(text: str) -> None:
    try:
        read_answer(text)
    except Refusal as refused:
        assert refused.code in REASONS and refused.what
