"""OpenECAD text: its implicit lists, its reference planes of all types, its own output, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from programs_at_random import programs

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects import read_program, write_program
from redraft.tasks.cad.dialects.openecad_read import read_openecad
from redraft.tasks.cad.program.transform import bounding_box, loops_of
from redraft.tasks.cad.program.types import Extent, Operation

FIRST = """
SketchPlane0 = add_sketchplane(
	origin= [1., 2., 3.], normal= [ 0., -1.,  0.], x_axis= [ 1.,  0., -0.])
Loops0 = []
Curves0_0 = []
Line0_0_0 = add_line(start= [0., 0.], end= [10., 0.])
Line0_0_1 = add_line(start= [10., 0.], end= [10., 6.])
Line0_0_2 = add_line(start= [0., 6.], end= [10., 6.])
Line0_0_3 = add_line(start= [0., 6.], end= [0., 0.])
Loop0_0 = add_loop(Curves0_0)
Curves0_1 = []
Circle0_1_0 = add_circle(center= [5., 3.], radius= 1.)
Loop0_1 = add_loop(Curves0_1)
Profile0 = add_profile(Loops0)
Sketch0 = add_sketch(sketch_plane= SketchPlane0, profile= Profile0)
Extrude0 = add_extrude(sketch= Sketch0,
	operation= 0, type= 2, extent_one= 4., extent_two= 2.)
"""


def second(reference: str) -> str:
    return f"""
SketchPlane1 = add_sketchplane_ref(
	Extrude0, {reference})
Loops1 = []
Curves1_0 = []
Circle1_0_0 = add_circle(center= [1., 0.], radius= 0.5)
Loop1_0 = add_loop(Curves1_0)
Profile1 = add_profile(Loops1)
Sketch1 = add_sketch(sketch_plane= SketchPlane1, profile= Profile1)
Extrude1 = add_extrude(sketch= Sketch1, operation= 2, type= 0, extent_one= 1., extent_two= 0.)
"""


def plane_of(reference: str):
    return read_openecad(FIRST + second(reference)).steps[1].sketches[0].plane


def test_curves_and_loops_join_the_lists_before_them() -> None:
    program = read_openecad(FIRST)
    (step,) = program.steps
    (profile,) = step.sketches[0].profiles
    assert (step.operation, step.extent, step.one, step.two) == (Operation.NEW, Extent.TWO, 4, 2)
    assert profile.outer.area == 60 and len(profile.holes) == 1
    assert step.sketches[0].plane.point((1, 1)) == (2, 2, 4)


def test_written_out_lists_and_append_are_read_too() -> None:
    text = FIRST.replace(
        "Loop0_1 = add_loop(Curves0_1)", "Curves0_1.append(Circle0_1_0)\nLoop0_1 = add_loop(Curves0_1)"
    )
    assert read_openecad(text) == read_openecad(FIRST)
    lines = FIRST.replace("Loops0 = []\n", "").replace("Curves0_0 = []\n", "").replace("Curves0_1 = []\n", "")
    lines = lines.replace("add_loop(Curves0_0)", "add_loop([Line0_0_0, Line0_0_1, Line0_0_2, Line0_0_3])")
    lines = lines.replace("add_loop(Curves0_1)", "add_loop([Circle0_1_0])")
    lines = lines.replace("add_profile(Loops0)", "add_profile([Loop0_0, Loop0_1])")
    assert read_openecad(lines) == read_openecad(FIRST)


@pytest.mark.parametrize(
    ("reference", "origin", "normal", "x_axis"),
    [
        ('origin= [1., 2.], type= "sameplane"', (2, 2, 5), (0, -1, 0), (1, 0, 0)),
        ('origin= [0., 0.], type= "extent_one"', (1, -2, 3), (0, -1, 0), (1, 0, 0)),
        ('origin= [0., 0.], type= "extent_two"', (1, 4, 3), (0, -1, 0), (1, 0, 0)),
        ('origin= [0., 0.], type= "sameplane", reverse= True', (1, 2, 3), (0, 1, 0), (1, 0, 0)),
        ('origin= [0., 0.], type= "sameplane", angle= np.pi/2', (1, 2, 3), (0, -1, 0), (0, 0, 1)),
        ('origin= [0., 0.], type= "sameplane", angle= -np.pi/2, reverse= True', (1, 2, 3), (0, 1, 0), (0, 0, -1)),
        ('origin= [0., 0.], type= "line", line= Line0_0_0', (1, 2, 3), (0, 0, -1), (1, 0, 0)),
        ('origin= [2., 1.], type= "line", line= Line0_0_1', (11, 1, 5), (1, 0, 0), (0, 0, 1)),
        ('origin= [0., 0.], type= "line", line= Line0_0_1, angle= np.pi', (11, 2, 3), (1, 0, 0), (0, 0, -1)),
        ('origin= [0., 0.], type= "line", line= Line0_0_0, reverse= True', (1, 2, 3), (0, 0, 1), (1, 0, 0)),
    ],
)
def test_reference_planes(reference: str, origin, normal, x_axis) -> None:
    plane = plane_of(reference)
    assert plane.origin == pytest.approx(origin)
    assert plane.normal == pytest.approx(normal, abs=1e-12)
    assert plane.x_axis == pytest.approx(x_axis, abs=1e-12)


def test_an_angle_is_counter_clockwise_about_the_unreversed_normal() -> None:
    plane = plane_of('origin= [0., 0.], type= "sameplane", angle= np.pi/6')
    assert plane.x_axis == pytest.approx((math.cos(math.pi / 6), 0, math.sin(math.pi / 6)))


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        (FIRST.replace("add_circle", "add_ellipse"), "add_ellipse", 12),
        (FIRST.replace("radius= 1.", "radius= 0."), "not positive", 12),
        (FIRST.replace("radius= 1.", "diameter= 1."), "diameter", 12),
        (FIRST.replace("radius= 1.", "radius= 1e999"), "not finite", 12),
        (FIRST.replace("radius= 1.", "radius= 1e7"), "beyond", 12),
        (FIRST.replace("Line0_0_3 =", "import os; os.system('x')\nLine0_0_3 ="), "statement|expression|call", 9),
        (FIRST.replace("type= 2", "type= 7"), "type 7", 16),
        (FIRST.replace("operation= 0", "operation= 2"), "no body yet", None),
        (FIRST.replace("Loop0_0 = add_loop(Curves0_0)\n", "Loop0_0 = add_loop(Curves0_1)\n"), "no value", 10),
        (FIRST.replace("end= [0., 0.])", "end= [1., 1.])"), "closed loop|open", 10),
        (FIRST.replace("Extrude0 = add_extrude", "Extrude0 = 3 #"), "syntax", None),
        (FIRST + second('origin= [0., 0.], type= "top"'), "top", 19),
        (FIRST + second('origin= [0., 0.], type= "line"'), "without a line", 19),
        (FIRST + second('origin= [0., 0.], type= "sameplane", angle= __import__("os")'), "expression", 20),
        ("x = 3\n", "no add_extrude", None),
    ],
)
def test_refusals_name_line_and_remedy(text: str, words: str, line: int | None) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        read_openecad(text, where="part.txt")
    assert caught.value.remedy
    assert caught.value.where.startswith("part.txt")
    if line:
        assert caught.value.where == f"part.txt, line {line}"


def test_its_own_output_has_the_boxes_of_the_histories(shared_data) -> None:
    for file in sorted((shared_data / "openecad").glob("*.txt")):
        program, dialect = read_program(file.read_bytes(), where=file.name)
        json_file = shared_data / "deepcad" / f"{file.name[:8]}.json"
        history, _ = read_program(json_file.read_bytes())
        assert dialect == "openecad"
        for a, b in zip(bounding_box(program), bounding_box(history), strict=True):
            assert a == pytest.approx(b, abs=2e-4)
        area = [sum(loop.area for loop in loops_of(p)) for p in (program, history)]
        assert area[0] == pytest.approx(area[1], rel=1e-4)


def test_equal_planes_are_written_as_references(shared_data) -> None:
    program, _ = read_program((shared_data / "deepcad" / "00000069.json").read_bytes())
    text = write_program(program, "openecad")
    assert text.count("add_sketchplane_ref") == 8 and text.count("add_sketchplane(") == 1
    program, _ = read_program((shared_data / "deepcad" / "00633023.json").read_bytes())
    assert 'type = "extent_one"' in write_program(program, "openecad")


@settings(max_examples=30, deadline=None)
@given(programs())
def test_written_text_reads_back_to_four_decimals(program) -> None:
    again, dialect = read_program(write_program(program, "openecad"))
    assert dialect == "openecad" and len(again.steps) == len(program.steps)
    for one, other in zip(again.steps, program.steps, strict=True):
        assert (one.operation, one.extent) == (other.operation, other.extent)
    for a, b in zip(bounding_box(again), bounding_box(program), strict=True):
        assert a == pytest.approx(b, abs=0.05)
    areas = [sum(loop.area for loop in loops_of(p)) for p in (again, program)]
    assert areas[0] == pytest.approx(areas[1], rel=1e-4)
