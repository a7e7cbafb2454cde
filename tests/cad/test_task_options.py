"""What a cad dataset can be told, and what its question and answer then are."""

from __future__ import annotations

import pytest
from task_parts import PLATE, example, quiet

from redraft.core.errors import UsageError
from redraft.tasks.cad.dialects import DIALECTS, read_program
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.program.codec import to_data
from redraft.tasks.cad.task import TASK


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"dialekt": "compact"}, "dialect"),
        ({"dialect": "autolisp"}, "compact"),
        ({"grid": 3}, "grid"),
        ({"grid": "many"}, "grid"),
        ({"style": {"colour": "red"}}, "colour"),
        ({"style": {"size": 10_000}}, "size"),
        ({"level": "easy"}, "level"),
        ({"families": {"teapot": 1}}, "teapot"),
        ({"max_extrusions": 0}, "max_extrusions"),
    ],
)
def test_a_wrong_option_is_refused_by_name(given: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        TASK.options(given)
    assert says in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_style_is_completed() -> None:
    style = TASK.options({"style": {"size": 256}})["style"]
    assert style["size"] == 256 and style["line_width"] == 2.0 and style["dash"] == [7.0, 4.0]


def test_the_answer_is_the_compact_body_without_header() -> None:
    assert example().answer == PLATE


def test_the_answer_does_not_depend_on_place_or_size() -> None:
    moved = example(at=(5.0, -3.0, 100.0))
    larger = example(mm=5.0)
    assert moved.answer == larger.answer == PLATE
    assert TASK.same(moved) == TASK.same(larger) == TASK.same(example())


def test_the_same_part_by_another_history_is_the_same_part() -> None:
    cut = example("+ z 0 32\nr 0 0 128 64\n- z 0 32\nc 64 32 16")
    assert TASK.same(cut) == TASK.same(example())
    mirrored = example("+ z 0 32\nr 0 0 128 64\no 40 20 16")
    assert TASK.same(mirrored) != TASK.same(example("+ z 0 32\nr 0 0 128 64\no 88 20 16"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_can_be_the_answers_language(dialect: str) -> None:
    part = example(at=(5.0, -3.0, 100.0), dialect=dialect)
    (score,) = TASK.score([part.answer], [part], quiet())
    assert (score.value, score.reason) == (pytest.approx(1, abs=1e-4), "ok")
    size = part.truth["size_mm"] if dialect == "compact" else None
    read, _ = read_program(part.answer, dialect, size=size)
    measured = shared_pool().call("measure", {"program": to_data(read)}).value
    assert measured["bbox_min"] == pytest.approx([0, 0, 0], abs=1e-4)
    assert measured["bbox_mm"] == pytest.approx([64, 32, 16], abs=1e-4)
    assert dialect in TASK.prompt(TASK.options({"dialect": dialect}))[0].text


def test_a_grid_says_itself_in_the_question() -> None:
    assert "grid of 64" in TASK.prompt(TASK.options({"grid": 64}))[0].text
    assert example(grid=64).answer == "+ z 0 16\nr 0 0 64 32\no 32 16 8"


def test_without_images_the_drawing_is_the_same() -> None:
    kept, bare = example(), example(keep_images=False)
    assert bare.images == () and len(kept.images) == 3
    assert TASK.draw(bare.truth, bare.seed, TASK.options({"keep_images": False})) == kept.images
