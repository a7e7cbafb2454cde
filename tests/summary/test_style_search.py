"""The rules of the style search: the front, the halving, the grid, the intervals, the advice, the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.core.errors import OutputError, UsageError
from redraft.models.sight import sight_of
from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.search.findings import Tried, findings
from redraft.tasks.summary.search.pareto import Point, better_half, dominates, front, interval, ranks, rounds
from redraft.tasks.summary.search.record import TRIALS, Answered, Record
from redraft.tasks.summary.search.space import Trial, default_grid, trials_of

POINTS = st.lists(
    st.builds(Point, st.integers(0, 6).map(float), st.integers(1, 6).map(float)), min_size=1, max_size=12
)
BASE = PageStyle(width=256, height=256)


@given(POINTS)
def test_the_front_is_what_no_other_point_dominates(points: list[Point]) -> None:
    found = front(points)
    for index, point in enumerate(points):
        assert (index in found) is not any(dominates(other, point) for other in points)
    assert [points[index].tokens for index in found] == sorted(points[index].tokens for index in found)
    assert {index for index, rank in enumerate(ranks(points)) if rank == 0} == set(found)


@given(POINTS, st.data())
def test_the_better_half_keeps_the_base_and_no_one_behind_those_it_leaves(
    points: list[Point], data: st.DataObject
) -> None:
    always = data.draw(st.integers(0, len(points) - 1))
    kept = better_half(points, always)
    half = -(-len(points) // 2)
    assert always in kept and half <= len(kept) <= half + 1
    left = set(range(len(points))) - set(kept)
    for index in set(kept) - {always}:
        assert not any(dominates(points[other], points[index]) for other in left)


@given(st.integers(2, 500), st.integers(2, 200))
def test_rounds_grow_to_all_documents(documents: int, trials: int) -> None:
    found = rounds(documents, trials)
    assert found[-1] == documents and found == sorted(set(found)) and len(found) <= 3
    assert len(found) == 1 or found[0] >= 4


def test_an_interval_holds_the_mean_and_comes_again_with_its_seed() -> None:
    values = [0.1, 0.4, 0.2, 0.9, 0.3]
    low, high = interval(values, 3) or (1.0, 0.0)
    assert low < sum(values) / 5 < high and interval(values, 3) == (low, high)
    assert interval([0.5], 0) is None and interval([0.5, 0.5], 0) == (0.5, 0.5)


def test_the_default_grid_lies_around_the_style_on_the_models_sizes() -> None:
    grid = default_grid(PageStyle(), sight_of("deepseek_ocr"))
    assert "1024x1024" in grid["page"] and {"640x640", "1280x1280"} <= set(grid["page"])
    assert 12.0 in grid["font_size"] and min(grid["font_size"]) == 9.0
    trials = trials_of(PageStyle(), grid, 24, seed=1)
    assert len({trial.style for trial in trials}) == 24
    assert trials[0].style == PageStyle() and trials[0].label == "as it is"
    assert trials == trials_of(PageStyle(), grid, 24, seed=1) != trials_of(PageStyle(), grid, 24, seed=2)


def test_a_grid_gives_every_combination_once_and_the_style_itself() -> None:
    trials = trials_of(BASE, {"page": ["256x256", "128x128"], "font_size": [12, 9], "columns": [1, 2]}, 50, 0)
    assert len(trials) == 8 and [trial.number for trial in trials] == list(range(8))
    assert {trial.style.pixels for trial in trials} == {(256, 256), (128, 128)}
    assert all(dict(trial.changes).items() <= trial.style.model_dump().items() for trial in trials)
    assert "128 x 128, font 9, 2 columns" in {trial.label for trial in trials}


@pytest.mark.parametrize(
    "grid, fault",
    [
        ({"font_size": [12]}, "one style alone"),
        ({"font_size": [1]}, r"style\.font_size"),
        (
            {"font_size": list(range(5, 105)), "ink": list(range(60)), "paper": list(range(200, 250))},
            "300,000 points",
        ),
    ],
)
def test_a_grid_that_cannot_be_is_said(grid: dict[str, list[int]], fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        trials_of(BASE, grid, 4, 0)


def tried(number: int, values: list[float], tokens: int, whole: bool = True) -> Tried:
    style = PageStyle(width=256, height=256, font_size=10 + number)
    trial = Trial(number, style, {"font_size": style.font_size} if number else {})
    rows = [
        Answered(number, f"d{i}", value, "ok", 1, tokens, 2.0 * tokens, 6, 0.1) for i, value in enumerate(values)
    ]
    return Tried(trial, rows, whole, interval(values, 0))


def test_the_advice_is_the_cheapest_that_is_not_told_apart_from_the_best() -> None:
    best = [0.5 + 0.01 * (i % 3) for i in range(40)]
    found = findings(
        [
            tried(0, best, 400),
            tried(1, [value - (0.02 if i % 2 else -0.019) for i, value in enumerate(best)], 200),
            tried(2, [value - 0.2 for value in best], 100),
            tried(3, [value - 0.4 for value in best[:10]], 50, whole=False),
        ],
        lead=0.1,
        seed=0,
    )
    assert (found.best, found.advice, found.most_per_token) == (0, 1, 2)
    assert found.front == [2, 1, 0] and found.gap is not None and found.gap[1] >= 0
    assert found.says[0].startswith("Style 1 (font 11)")
    assert "50% are saved" in found.says[0] and "3 of them on all 40 documents" in " ".join(found.says)


def test_findings_say_when_they_say_little() -> None:
    text = " ".join(findings([tried(0, [0.1, 0.2], 10), tried(1, [0.2, 0.1], 20)], lead=0.9, seed=0).says)
    assert "No style reaches" in text and "2 documents tell little" in text


def test_a_record_is_gone_on_with_and_no_other_search_in_it(tmp_path: Path) -> None:
    row = Answered(1, "a", 0.5, "ok", 2, 65, 100.0, 5.5, 0.2)
    Record(tmp_path / "s", {"seed": 1}).add([row])
    with (tmp_path / "s" / TRIALS).open("a") as file:
        file.write('{"trial": 2, "exam')  # the power went
    again = Record(tmp_path / "s", {"seed": 1})
    assert again.known == {(1, "a"): row}
    again.add([Answered(2, "a", 0.0, "too_long", 9, 65, 100.0, 5.5, 0)])
    lines = [json.loads(line) for line in (tmp_path / "s" / TRIALS).read_text().splitlines()]
    assert [line.get("trial") for line in lines] == [None, 1, 2]
    with pytest.raises(OutputError, match=r"other settings \(seed\)"):
        Record(tmp_path / "s", {"seed": 2})
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        Record(tmp_path / "t", {"seed": 1})
