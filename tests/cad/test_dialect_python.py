"""CadQuery and build123d text: what we write reads back exactly, what people write is read or refused by line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from programs_at_random import polygon, programs

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects import detect, read_program, write_program
from redraft.tasks.cad.program.normalise import fuse_new_bodies, tidy
from redraft.tasks.cad.program.transform import bounding_box, heights
from redraft.tasks.cad.program.types import (
    Circle,
    Extent,
    Extrude,
    Loop,
    Operation,
    Plane,
    Profile,
    Program,
    Sketch,
)

PYTHON = ("cadquery", "build123d")


@settings(max_examples=40, deadline=None)
@given(programs())
@pytest.mark.parametrize("dialect", PYTHON)
def test_written_text_reads_back_to_the_same_program(dialect: str, program: Program) -> None:
    text = write_program(program, dialect)
    assert read_program(text) == (fuse_new_bodies(tidy(program)), dialect)
    compile(text, dialect, "exec")


@pytest.mark.parametrize("dialect", PYTHON)
def test_real_histories_read_back_to_the_same_program(dialect: str, shared_data) -> None:
    for file in sorted((shared_data / "deepcad").glob("0*.json")):
        program, _ = read_program(file.read_bytes())
        assert read_program(write_program(program, dialect)) == (fuse_new_bodies(program), dialect)


def circle(x: float, y: float, r: float) -> Profile:
    return Profile(Loop((Circle((x, y), r),)))


def many(count: int, apart: float) -> tuple[Profile, ...]:
    return tuple(circle(apart * i, 0.0, 1.0) for i in range(count))


@pytest.mark.parametrize("dialect", PYTHON)
@pytest.mark.parametrize("extent", [Extent.ONE, Extent.TWO, Extent.SYMMETRIC])
@pytest.mark.parametrize(("count", "apart"), [(2, 1.5), (3, 5.0), (130, 3.0), (130, 1.5)])
@pytest.mark.parametrize("operation", [Operation.CUT, Operation.INTERSECT])
def test_many_profiles_stay_one_step(dialect, extent, count, apart, operation) -> None:
    flat, high = Plane((0.0, 0.0, 0.0)), Plane((0.0, 0.0, 2.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0))
    two = 3.0 if extent is Extent.TWO else 0.0
    first = Extrude((Sketch(flat, many(count, apart)),), Operation.NEW, extent, 9.0, two)
    rest = Extrude((Sketch(high, many(count, apart)), Sketch(flat, many(2, 1.5))), operation, extent, 2.0, two)
    program = Program((first, rest))
    assert read_program(write_program(program, dialect))[0] == program


@pytest.mark.parametrize("dialect", PYTHON)
def test_a_long_outline_is_written_in_pieces(dialect: str) -> None:
    corners = [(100 * math.cos(math.tau * i / 1500), 100 * math.sin(math.tau * i / 1500)) for i in range(1500)]
    step = Extrude((Sketch(Plane((0.0, 0.0, 0.0)), (Profile(polygon(corners)),)),), Operation.NEW, Extent.ONE, 1.0)
    text = write_program(Program((step,)), dialect)
    compile(text, dialect, "exec")
    assert read_program(text)[0] == Program((step,))


CQ = "import cadquery as cq\n"
BD = "from build123d import *\n"
WASHER = math.pi * (100 - 25)


def volume(program: Program) -> float:
    """Of parts whose steps do not overlap, cuts inside what they cut: prisms added and subtracted."""
    total = 0.0
    for step in program.steps:
        low, high = heights(step)
        area = sum(p.outer.area - sum(h.area for h in p.holes) for s in step.sketches for p in s.profiles)
        total += (-1 if step.operation is Operation.CUT else 1) * area * (high - low)
    return total


COMMON = [
    (CQ + 'r = cq.Workplane("XY").box(10, 20, 30)', ((-5, -10, -15), (5, 10, 15)), 6000),
    (CQ + "r = cq.Workplane().box(10, 20, 30, centered=False)", ((0, 0, 0), (10, 20, 30)), 6000),
    (CQ + "r = cq.Workplane('XZ').box(2, 4, 6, centered=(True, True, False))", ((-1, -6, -2), (1, 0, 2)), 48),
    (CQ + "r = cq.Workplane().cylinder(10, 5)", ((-5, -5, -5), (5, 5, 5)), math.pi * 250),
    (CQ + "w, h = 10, 2 * 4\nr = cq.Workplane().rect(w, h / 2).extrude(3)", ((-5, -2, 0), (5, 2, 3)), 120),
    (CQ + "r = cq.Workplane().circle(10).circle(5).extrude(2)", ((-10, -10, 0), (10, 10, 2)), 2 * WASHER),
    (
        CQ + "r = cq.Workplane('YZ', origin=(1, 2, 3)).moveTo(0, 0).hLine(4).vLine(2).hLineTo(0).close()"
        ".extrude(5, both=True)",
        ((-4, 2, 3), (6, 6, 5)),
        80,
    ),
    (
        CQ + "r = cq.Workplane().polyline([(0, 0), (4, 0), (4, 3)]).close().extrude(-2)",
        ((0, 0, -2), (4, 3, 0)),
        12,
    ),
    (CQ + "r = cq.Workplane().slot2D(10, 4).extrude(1)", ((-5, -2, 0), (5, 2, 1)), 24 + 4 * math.pi),
    (
        CQ + "plate = cq.Workplane().rect(40, 40).extrude(5)\n"
        "holes = cq.Workplane().rarray(20, 20, 2, 2).circle(3).extrude(5)\nresult = plate.cut(holes)",
        ((-20, -20, 0), (20, 20, 5)),
        8000 - 180 * math.pi,
    ),
    (
        CQ + "result = cq.Workplane().rect(40, 40).extrude(5).moveTo(10, 0).circle(3).cutBlind(5)",
        ((-20, -20, 0), (20, 20, 5)),
        8000 - 45 * math.pi,
    ),
    (
        CQ + "a = cq.Workplane().box(2, 2, 2)\nb = cq.Workplane('XY', origin=(5, 0, 0)).box(2, 2, 2)\n"
        "c = a.union(b)\nshow_object(c.translate((0, 0, 1)))",
        ((-1, -1, 0), (6, 1, 2)),
        16,
    ),
    (
        CQ + "r = cq.Workplane(cq.Plane(origin=(0, 0, 1), xDir=(0, 1, 0), normal=(0, 0, 1))).rect(4, 2)"
        ".extrude(1)",
        ((-1, -2, 1), (1, 2, 2)),
        8,
    ),
    (
        "import math\n" + CQ + "r = cq.Workplane().polygon(4, 2 * math.sqrt(2)).extrude(1)",
        ((-math.sqrt(2), -math.sqrt(2), 0), (math.sqrt(2), math.sqrt(2), 1)),
        4,
    ),
    (
        CQ + "r = cq.Workplane().workplane(offset=5).center(1, 2).rect(2, 2).extrude(1)",
        ((0, 1, 5), (2, 3, 6)),
        4,
    ),
    (BD + "with BuildPart() as p:\n    Box(10, 20, 30)", ((-5, -10, -15), (5, 10, 15)), 6000),
    (
        BD + "with BuildPart() as p:\n    Box(10, 20, 30, align=(Align.MIN, Align.MIN, Align.MIN))",
        ((0, 0, 0), (10, 20, 30)),
        6000,
    ),
    (
        BD + "with BuildPart() as p:\n    with Locations((1, 2, 3), (21, 2, 3)):\n"
        "        Cylinder(radius=5, height=4)",
        ((-4, -3, 1), (26, 7, 5)),
        200 * math.pi,
    ),
    (
        BD + "with BuildPart() as p:\n    with BuildSketch(Plane.XZ) as s:\n        Rectangle(40, 20)\n"
        "        with GridLocations(20, 10, 2, 1):\n            Circle(3, mode=Mode.SUBTRACT)\n"
        "    extrude(amount=5)",
        ((-20, -5, -10), (20, 0, 10)),
        4000 - 90 * math.pi,
    ),
    (
        BD + "part = extrude(Rectangle(10, 10) - Pos(1, 1) * Circle(2), amount=4)",
        ((-5, -5, 0), (5, 5, 4)),
        400 - 16 * math.pi,
    ),
    (
        BD + "p = Box(10, 10, 10)\np -= Pos(0, 0, 3) * Cylinder(2, 4)\np += Pos(10, 0, 0) * Box(10, 10, 10)",
        ((-5, -5, -5), (15, 5, 5)),
        2000 - 16 * math.pi,
    ),
    (
        BD + "p = Plane.XZ * extrude(make_face(Polyline((0, 0), (4, 0), (4, 3), close=True)), 2)",
        ((0, -2, 0), (4, 0, 3)),
        12,
    ),
]
"""Texts as people write them, the box of their part, and its volume."""


@pytest.mark.parametrize(("text", "box", "solid"), COMMON)
def test_common_texts_of_people(text: str, box, solid) -> None:
    program, dialect = read_program(text)
    assert dialect == detect(text)
    for a, b in zip(bounding_box(program), box, strict=True):
        assert a == pytest.approx(b, abs=1e-9)
    assert volume(program) == pytest.approx(solid)


def test_cutting_through_all_passes_the_whole_body() -> None:
    text = CQ + "r = cq.Workplane().rect(40, 40).extrude(50).moveTo(10, 0).circle(3).cutThruAll()"
    low, high = heights(read_program(text)[0].steps[1])
    assert low <= 0 and high >= 50


BASE = CQ + "r = cq.Workplane().box(1, 2, 3)\n"
PART = BD + "with BuildPart() as p:\n    Box(1, 2, 3)\n"


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        (BASE + "r = r.edges('|Z').fillet(0.2)", r"call .edges", 3),
        (BASE + "r = r.faces('>Z').workplane().hole(1)", r"call .faces", 3),
        (CQ + "r = (cq.Workplane()\n .rect(1, 2)\n .revolve(360))", r"call .revolve", 2),
        (CQ + "r = cq.Workplane().rect(1, 2).extrude(1, taper=5)", "taper", 2),
        (CQ + "r = cq.Workplane().rect(1, 2).extrude('next')", "no number", 2),
        (CQ + "r = cq.Workplane().circle(0).extrude(1)", "not positive", 2),
        (CQ + "r = cq.Workplane().circle(1).extrude(0)", "no height", 2),
        (CQ + "r = cq.Workplane().lineTo(1, 0).lineTo(1, 1).extrude(1)", "not closed", 2),
        (CQ + "r = cq.Workplane().moveTo(0, 0).lineTo(5, 0).close().circle(1).extrude(1)", "centre|open", 2),
        (CQ + "r = cq.Workplane('AB').rect(1, 2).extrude(1)", "plane 'AB'", 2),
        (CQ + "for i in range(3):\n    pass", "statement", 2),
        (CQ + "def f():\n    return 3\nr = f()", "statement", 2),
        (CQ + "r = cq.importers.importStep('a.step')", "importers", 2),
        (CQ + "r = cq.Workplane().pushPoints([(0, 0)] * 3).circle(1).extrude(1)", "number", 2),
        (CQ + "r = cq.Workplane().rarray(1, 1, 1e5, 1).circle(.1).extrude(1)", "xCount", 2),
        (CQ + "r = cq.Workplane().rect(9**999, 2).extrude(1)", "number", 2),
        (CQ + "r = cq.Workplane().rect(1 / 0, 2).extrude(1)", "computed", 2),
        (CQ + "r = cq.Workplane().rect(1e7, 2).extrude(1)", "beyond", 2),
        (CQ + "r = cq.Workplane().rect(x, 2).extrude(1)", "'x' has no value", 2),
        (CQ + "r = cq.Workplane().rect(*a).extrude(1)", "star", 2),
        (CQ + "r = cq.Workplane().rect(1, 2).cut(3)", "without a solid", 2),
        (BASE + "s = cq.Workplane().rect(1, 1).extrude(1).cut(r)\nresult = r.cut(s)", "a cut by a body", 4),
        (CQ + "import os", "no solid", None),
        (PART + "    fillet(p.edges(), 0.1)", "fillet", 4),
        (PART + "    Hole(0.2)", "Hole", 4),
        (PART + "    extrude(amount=3)", "without a sketch", 4),
        (PART + "    Sphere(3)", "Sphere", 4),
        (PART + "    add(Box(1, 1, 1, mode=Mode.PRIVATE), mode=p)", "mode unknown", 4),
        (PART + "    Box(1, 1, 1, mode=3)", "mode unknown", 4),
        (PART + "    with BuildSketch(mode=p):\n        Circle(1)", "mode unknown", 4),
        (BD + "with BuildPart(Plane.XZ) as p:\n    Box(1, 2, 3)", "on a plane", 2),
        (CQ + "r = cq.Workplane().rect(30, 30).rect(20, 20).circle(5).extrude(2)", "inside a hole", 2),
        (BD + "with BuildPart() as p, BuildSketch() as s:\n    SlotOverall(10, 4)", "without a body", 2),
        (BD + "with BuildPart() as p:\n    with BuildSketch(Plane.AB):\n        Circle(1)", "Plane.AB", 3),
        (
            BD + "with BuildPart() as p:\n    with BuildSketch():\n        with BuildLine():\n"
            "            Line((0, 0), (1, 1))\n        make_face()",
            "open curve",
            6,
        ),
        (
            BD + "with BuildPart() as p:\n    with BuildSketch():\n        Rectangle(4, 4)\n"
            "        with Locations((2, 0)):\n            Circle(1, mode=Mode.SUBTRACT)\n    extrude(amount=1)",
            "over the edge",
            6,
        ),
        (
            BD + "with BuildPart() as p:\n    with GridLocations(1, 1, 2000, 2000):\n        Box(1, 1, 1)",
            "copies",
            3,
        ),
        (BD + "p = Rot(0, 0, 45) * Box(1, 1, 1)", "Rot", 2),
        (BD + "p = Box(1, 1, 1) * 3", "operator", 2),
        (BD + "with open('x') as f:\n    pass\nBuildPart", "with open", 2),
    ],
)
def test_refusals_name_construct_line_and_remedy(text: str, words: str, line: int | None) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        read_program(text, where="p.py")
    assert caught.value.remedy
    assert caught.value.where == (f"p.py, line {line}" if line else "p.py")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("ISO-10303-21;\nHEADER;", "STEP"),
        ("hello world", "not a program in any dialect"),
        (b"\x89PNG\r\n\x1a\n\xff", "PNG"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("import cadquery\0", "null"),
    ],
)
def test_texts_that_are_none_of_ours_are_named(text: str | bytes, words: str) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        read_program(text, where="x")
    assert caught.value.remedy
