"""Compact text: its grammar, its grid, what the grid may cost and what it refuses to lose."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from programs_at_random import polygon, programs

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects import read_program, write_program
from redraft.tasks.cad.dialects.compact_read import read_compact, swept
from redraft.tasks.cad.dialects.compact_write import fit
from redraft.tasks.cad.program.transform import bounding_box, heights, loops_of
from redraft.tasks.cad.program.types import (
    Arc,
    Circle,
    Extent,
    Extrude,
    Line,
    Loop,
    Operation,
    Plane,
    Profile,
    Program,
    Sketch,
)

EVERYTHING = """compact 1 grid 100 size 50 50 50 at -25 0 5
+ z 0 20          # a plate
r 0 0 100 60
o 20 30 5
q 40 20 60 40
+ x 10 s 4
c 30 50 10
- y 60 t 30 70
p 10 10
l 40 10
a 40 20 180
b 0 40 10 20
& @ 50 30 0 90 45 80
p 0 0
l 40 0
l 40 40
"""


def test_every_command_of_the_grammar() -> None:
    program = read_compact(EVERYTHING)
    plate, boss, cut, meet = program.steps
    assert [s.operation for s in program.steps] == [
        Operation.NEW,
        Operation.JOIN,
        Operation.CUT,
        Operation.INTERSECT,
    ]
    assert bounding_box(Program((plate,))) == ((-25, 0, 5), (25, 30, 15))
    assert [loop.area for loop in loops_of(Program((plate,)))] == pytest.approx([1500, math.pi * 6.25, 100])
    assert (boss.extent, boss.one, boss.sketches[0].plane.origin) == (Extent.SYMMETRIC, 2, (-20, 0, 5))
    assert (cut.extent, cut.one, cut.two) == (Extent.TWO, 15, 5)
    outline = cut.sketches[0].profiles[0].outer
    assert [type(c) for c in outline.curves] == [Line, Arc, Arc, Line]
    assert outline.curves[1].sweep == pytest.approx(math.pi)
    half = math.sqrt(0.5)
    assert meet.sketches[0].plane.normal == pytest.approx((0, half, half))
    assert meet.sketches[0].plane.x_axis == pytest.approx((-1, 0, 0))
    assert meet.sketches[0].profiles[0].outer.area == pytest.approx(200)


def test_without_a_header_a_step_is_a_millimetre_or_what_size_and_grid_say() -> None:
    body = "+ z 0 64\nr 0 0 128 32\n"
    program, dialect = read_program(body)
    assert dialect == "compact" and bounding_box(program) == ((0, 0, 0), (128, 32, 64))
    assert bounding_box(read_program(body, size=(64, 1, 1))[0]) == ((0, 0, 0), (64, 16, 32))
    assert bounding_box(read_program(body, size=(64, 1, 1), grid=64)[0]) == ((0, 0, 0), (128, 32, 64))
    for size in ((), (0, 0, 0), (math.nan, 1, 1), (-1, 2, 3)):
        with pytest.raises(Refusal):
            read_program(body, size=size)


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("+ z 0 5\nr 0 0 5\n", "with 3 numbers", 2),
        ("+ z 0 5\nr 0 0 5 x\n", "whole number", 2),
        ("+ z 0 5\nr 0 0 5 2.5\n", "whole number", 2),
        ("+ z 0 5\nr 0 0 5 12345678\n", "whole number", 2),
        ("+ z 0 5\nz 1 2\n", "unknown command 'z'", 2),
        ("+ w 0 5\nr 0 0 5 5\n", "plane 'w'", 1),
        ("+ z 0\nr 0 0 5 5\n", "extent", 1),
        ("+ z 5 5\nr 0 0 5 5\n", "no height", 2),
        ("+ z 0 5\nl 5 5\n", "outside a path", 2),
        ("+ z 0 5\np 0 0\nl 5 5\n+ z 0 5\nr 0 0 1 1\n", "open|no length|encloses|one open|crosses", None),
        ("+ z 0 5\n+ z 0 9\nr 0 0 5 5\n", "no profile", 2),
        ("+ z 0 5\no 1 1 1\n", "hole before", 2),
        ("+ z 0 5\np 0 0\nl 5 0\na 5 5 720\n", "turns by 720", 4),
        ("compact 2 grid 5 size 1 1 1\n+ z 0 5\n", "version 2", 1),
        ("compact 1 grid 5 size 1 x 1\n+ z 0 5\n", "header", 1),
        ("compact 1 size 1 1 1\n", "header", 1),
        ("compact 1 grid 5 size 0 0 0\n+ z 0 5\n", "positive size", 1),
        ("c 1 1 1\n", "before the first extrusion", 1),
        ("+ z 0 5\nr 0 0 5 5\n, z 3 19\nr 0 0 5 5", "another extent", 3),
    ],
)
def test_refusals_name_the_line(text: str, words: str, line: int | None) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        read_program(text, "compact", where="answer")
    assert caught.value.remedy
    if line:
        assert caught.value.where == f"answer, line {line}"


@settings(max_examples=40, deadline=None)
@given(programs())
def test_a_grid_moves_nothing_by_more_than_its_steps(program: Program) -> None:
    try:
        found = fit(program, grid=2000)
    except Refusal as refusal:
        assert "finer than" in refusal.remedy or refusal.code == "empty"
        return
    again, dialect = read_program(found.text)
    assert dialect == "compact"
    slack = 3 * found.step_mm
    for a, b in zip(bounding_box(again), bounding_box(program), strict=True):
        assert a == pytest.approx(b, abs=slack)
    for one, other in zip(again.steps, program.steps, strict=True):
        assert (one.operation, one.extent) == (other.operation, other.extent)
        assert heights(one)[1] - heights(one)[0] == pytest.approx(heights(other)[1] - heights(other)[0], abs=slack)
    assert write_program(again, "compact", grid=2000, box=_header_box(found.text)) == found.text


def _header_box(text: str):
    words = text.splitlines()[0].split()
    size = [float(v) for v in words[words.index("size") + 1 :][:3]]
    at = [float(v) for v in words[words.index("at") + 1 :][:3]] if "at" in words else [0.0, 0.0, 0.0]
    return tuple(at), tuple(a + s for a, s in zip(at, size, strict=True))


@settings(max_examples=40, deadline=None)
@given(programs())
def test_bodies_for_models_start_low_and_run_upwards(program: Program) -> None:
    try:
        text = write_program(program, "compact", grid=512, header=False)
    except Refusal:
        return
    for line in text.splitlines():
        words = line.split()
        if words[0] in "+-&,":
            assert "s" not in words and "t" not in words
            if words[1] in "xyz":
                assert int(words[2]) < int(words[3])
    low, _ = bounding_box(read_program(text)[0])
    assert max(map(abs, low)) <= 3


def prism(*loops: Loop, height: float = 10.0) -> Program:
    frame = Plane((0.0, 0.0, 0.0))
    profile = Profile(loops[0], tuple(loops[1:]))
    return Program((Extrude((Sketch(frame, (profile,)),), Operation.NEW, Extent.ONE, height),))


SQUARE = polygon([(0, 0), (100, 0), (100, 100), (0, 100)])


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (prism(SQUARE, Loop((Circle((50.0, 50.0), 0.3),))), "circle"),
        (prism(SQUARE, polygon([(50, 50), (50.2, 50), (50.2, 50.2)])), "loop"),
        (prism(SQUARE, height=0.2), "height"),
        (prism(SQUARE, Loop((Circle((50.0, 50.0), 49.9),))), "finer than the grid"),
    ],
)
def test_features_that_the_grid_would_lose_are_refused(program: Program, words: str) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        write_program(program, "compact", grid=100)
    assert "grid" in caught.value.remedy
    assert "size" in write_program(program, "compact", grid=10_000)


def test_dropped_curves_are_told() -> None:
    chamfered = polygon([(0, 0), (99.7, 0), (100, 0.3), (100, 100), (0, 100)])
    found = fit(prism(chamfered), grid=100)
    assert len(found.dropped) == 1 and "0.424 steps" in found.dropped[0]
    assert found.text.splitlines()[2] == "r 0 0 100 100"


def test_quarter_and_half_arcs_are_exact_on_any_grid() -> None:
    for degrees in (90, -90, 180, 37.5):
        arc = swept((0.0, 0.0), (30.0, 10.0), degrees)
        assert math.degrees(arc.sweep) == pytest.approx(degrees)
    slot = Loop(
        (
            Line((20.0, 0.0), (80.0, 0.0)),
            Arc((80.0, 0.0), (90.0, 10.0), (80.0, 20.0)),
            Line((80.0, 20.0), (20.0, 20.0)),
            Arc((20.0, 20.0), (10.0, 10.0), (20.0, 0.0)),
        )
    )
    again = read_program(write_program(prism(slot), "compact", grid=16))[0]
    assert next(loops_of(again)).area == pytest.approx(slot.area)


def test_opposite_planes_in_one_step_survive() -> None:
    up, down = Plane((0.0, 0.0, 0.0)), Plane((0.0, 0.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0))
    other = Loop((Circle((150.0, 50.0), 20.0),))
    step = Extrude(
        (Sketch(up, (Profile(SQUARE),)), Sketch(down, (Profile(other),))), Operation.NEW, Extent.ONE, 10.0
    )
    text = write_program(Program((step,)), "compact")
    again = read_program(text)[0]
    for a, b in zip(bounding_box(again), bounding_box(Program((step,))), strict=True):
        assert a == pytest.approx(b, abs=0.2)
    assert len(again.steps) == 1 and len(again.steps[0].sketches) == 2


def test_real_histories_fit_a_thousand_steps(shared_data) -> None:
    for file in sorted((shared_data / "deepcad").glob("0*.json")):
        program, _ = read_program(file.read_bytes())
        found = fit(program)
        again, _ = read_program(found.text)
        areas = [sum(loop.area for loop in loops_of(p)) for p in (again, program)]
        assert areas[0] == pytest.approx(areas[1], rel=0.01)


def test_options_out_of_range() -> None:
    for options in ({"grid": 1}, {"grid": 10**9}, {"extents": "short"}):
        with pytest.raises(Refusal):
            write_program(prism(SQUARE), "compact", **options)
    with pytest.raises(Refusal, match="no dialect 'step'"):
        write_program(prism(SQUARE), "step")
