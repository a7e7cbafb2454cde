"""DeepCAD JSON: every trap of real files, one test each, and what is refused."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from programs_at_random import programs

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects import read_program, write_program
from redraft.tasks.cad.dialects.deepcad_read import read_deepcad
from redraft.tasks.cad.program.normalise import canonical, tidy
from redraft.tasks.cad.program.transform import bounding_box, loops_of
from redraft.tasks.cad.program.types import Arc, Circle, Extent, Operation


def point(x: float, y: float) -> dict:
    return {"x": x / 1000, "y": y / 1000, "z": 0.0}


def line(a, b) -> dict:
    return {"type": "Line3D", "start_point": point(*a), "end_point": point(*b)}


def circle(x, y, r) -> dict:
    return {
        "type": "Circle3D",
        "center_point": point(x, y),
        "radius": r / 1000,
        "normal": {"x": 0, "y": 1, "z": 0},
    }


def arc(start, end, center, radius, sweep, reference) -> dict:
    return {
        "type": "Arc3D",
        "start_point": point(*start),
        "end_point": point(*end),
        "center_point": point(*center),
        "radius": radius / 1000,
        "start_angle": 0.0,
        "end_angle": sweep,
        "normal": {"x": 0, "y": 0, "z": -1},
        "reference_vector": {"x": reference[0], "y": reference[1], "z": 0.0},
    }


BOX = [line((0, 0), (10, 0)), line((10, 5), (10, 0)), line((10, 5), (0, 5)), line((0, 0), (0, 5))]
"""10 x 5 mm, two curves pointing the wrong way."""


def sketch(*loops, origin=(0, 0, 0)) -> dict:
    return {
        "type": "Sketch",
        "name": "Sketch",
        "transform": {
            "origin": dict(zip("xyz", (v / 1000 for v in origin), strict=True)),
            "x_axis": {"x": 1.0, "y": 0.0, "z": 0.0},
            "y_axis": {"x": 0.0, "y": 1.0, "z": 0.0},
            "z_axis": {"x": 0.0, "y": 0.0, "z": 1.0},
        },
        "profiles": {"P": {"loops": [{"is_outer": True, "profile_curves": list(curves)} for curves in loops]}},
        "reference_plane": {},
    }


def extrude(one=5.0, two=0.0, operation="NewBody", extent="OneSide", profiles=(("S", "P"),)) -> dict:
    def side(value):
        return {"distance": {"value": value / 1000}, "taper_angle": {"value": 0.0}}

    return {
        "type": "ExtrudeFeature",
        "profiles": [{"sketch": s, "profile": p} for s, p in profiles],
        "operation": f"{operation}FeatureOperation",
        "extent_type": f"{extent}FeatureExtentType",
        "start_extent": {"type": "ProfilePlaneStartDefinition"},
        "extent_one": side(one),
        "extent_two": side(two),
    }


def document(**entities) -> dict:
    kinds = {"Sketch": "Sketch", "ExtrudeFeature": "ExtrudeFeature"}
    sequence = [
        {"index": i, "type": kinds.get(e["type"], e["type"]), "entity": name}
        for i, (name, e) in enumerate(entities.items())
    ]
    return {"entities": entities, "sequence": sequence, "properties": {}}


def read(**entities):
    return read_deepcad(json.dumps(document(**entities)))


def test_metres_become_millimetres_without_binary_noise_and_curves_are_turned() -> None:
    program = read(S=sketch(BOX), E=extrude(5.08)).program
    assert program.steps[0].one == 5.08
    (loop,) = loops_of(program)
    assert loop.area == 50
    assert [c.start for c in loop.curves] == [(0, 0), (10, 0), (10, 5), (0, 5)]


def test_the_outer_loop_is_found_by_geometry_and_islands_are_faces() -> None:
    program = read(
        S=sketch([circle(5, 2.5, 1)], BOX, [circle(5, 2.5, 0.5)], [circle(30, 0, 1)]), E=extrude()
    ).program
    profiles = program.steps[0].sketches[0].profiles
    assert sorted((round(p.outer.area, 3), len(p.holes)) for p in profiles) == [(0.785, 0), (3.142, 0), (50, 1)]


def test_extents_symmetric_is_half_negative_stays_and_two_sides_are_a_union() -> None:
    steps = read(
        S=sketch(BOX),
        A=extrude(-3),
        B=extrude(4, extent="Symmetric", operation="Join"),
        C=extrude(-20, 15, extent="TwoSides", operation="Cut"),
        D=extrude(-20, 20, extent="TwoSides", operation="Cut"),
    ).program.steps
    assert [(s.operation, s.extent, s.one, s.two) for s in steps] == [
        (Operation.NEW, Extent.ONE, -3, 0),
        (Operation.JOIN, Extent.SYMMETRIC, 4, 0),
        (Operation.CUT, Extent.TWO, -20, 15),
        (Operation.CUT, Extent.ONE, -20, 0),
    ]


def test_several_profiles_of_several_sketches_are_one_step() -> None:
    history = read(
        S=sketch(BOX),
        T=sketch(BOX, origin=(0, 0, 20)),
        U=sketch(BOX),
        E=extrude(profiles=(("S", "P"), ("T", "P"))),
    )
    assert [s.plane.origin[2] for s in history.program.steps[0].sketches] == [0, 20]
    assert history.notes == ("sketch U is drawn and never used",)


def test_new_bodies_are_fused_and_noted() -> None:
    history = read(S=sketch(BOX), E=extrude(), F=extrude(7))
    assert history.program.steps[1].operation is Operation.NEW
    assert "fused" in history.notes[0]


def half_disc(curve: dict):
    return read(S=sketch([line((-5, 0), (5, 0)), curve]), E=extrude())


@pytest.mark.parametrize(
    ("curve", "noted"),
    [
        (arc((5, 0), (-5, 0), (0, 0), 5, math.pi, (1, 0)), False),
        (arc((-5, 0), (5, 0), (0, 0), 5, math.pi, (1, 0)), False),
        (arc((-5, 0), (5, 0), (0, 0), 5, -math.pi, (-1, 0)), False),
        (arc((5, 0), (-5, 0), (0, 0), 4.9, math.pi, (0.6, 0.8)), True),
    ],
)
def test_arcs_run_counter_clockwise_from_their_reference_or_are_repaired(curve: dict, noted: bool) -> None:
    history = half_disc(curve)
    (loop,) = loops_of(history.program)
    found = next(c for c in loop.curves if isinstance(c, Arc))
    assert found.mid == pytest.approx((0, 5), abs=1e-6)
    assert bool(history.notes) is noted


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        (arc((5, 0), (-5, 0), (0, 3), 5, math.pi, (0.6, 0.8)), "sweep"),
        (arc((5, 0), (-5, 0), (2, 0), 5, math.pi, (0.6, 0.8)), "centre"),
        (arc((5, 0), (-5, 0), (0, 0), 0, math.pi, (1, 0)), "radius"),
    ],
)
def test_arcs_that_no_circle_carries_are_refused_by_path(curve: dict, words: str) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        half_disc(curve)
    assert "entities.S.profiles.P.loops[0].profile_curves[1]" in caught.value.where


def test_degenerate_curves_are_noted() -> None:
    history = read(S=sketch([*BOX, line((3, 3), (3, 3))]), E=extrude())
    assert "without length" in history.notes[0]
    closed = arc((5, 0), (5, 0), (0, 0), 5, 2 * math.pi, (1, 0))
    history = read(S=sketch([closed]), E=extrude())
    assert isinstance(next(loops_of(history.program)).curves[0], Circle)


def test_the_written_box_is_data_and_not_believed() -> None:
    data = document(S=sketch(BOX), E=extrude())
    assert read_deepcad(json.dumps(data)).box is None
    data["properties"] = {"bounding_box": {"min_point": point(0, 0), "max_point": {"x": 1, "y": 2, "z": 3}}}
    history = read_deepcad(json.dumps(data))
    assert history.box == ((0, 0, 0), (1000, 2000, 3000))
    assert bounding_box(history.program) == ((0, 0, 0), (10, 5, 5))


TAPERED = extrude()
TAPERED["extent_one"]["taper_angle"]["value"] = 0.1
OFFSET = {**extrude(), "start_extent": {"type": "OffsetStartDefinition"}}
OPEN = [line((0, 0), (10, 0)), line((10, 0), (10, 5)), line((10, 5), (1, 5))]
SPLINE = {"type": "NURBS3D"}


@pytest.mark.parametrize(
    ("entities", "words", "code"),
    [
        ({"S": sketch(BOX), "E": TAPERED}, "tapered", "refused"),
        ({"S": sketch(BOX), "E": OFFSET}, "starts at", "refused"),
        ({"S": sketch(BOX), "E": extrude(operation="Revolve")}, "operation", "refused"),
        ({"S": sketch(BOX), "E": extrude(operation="Cut")}, "no body yet", "parse"),
        ({"S": sketch(BOX), "E": extrude(0)}, "no height", "parse"),
        ({"S": sketch(BOX), "E": extrude(profiles=(("S", "Q"),))}, "nothing where", "parse"),
        ({"S": sketch(BOX), "E": extrude(profiles=())}, "without profiles", "parse"),
        ({"S": sketch(OPEN), "E": extrude()}, "closed loop", "refused"),
        ({"S": sketch([]), "E": extrude()}, "empty loop", "parse"),
        ({"S": sketch([SPLINE]), "E": extrude()}, "NURBS3D", "refused"),
        ({"S": sketch(BOX), "E": extrude(1e7)}, "beyond 100000 mm", "limit"),
        ({"S": sketch(BOX), "R": {"type": "Revolve"}}, "Revolve", "refused"),
        ({"S": sketch(BOX)}, "no extrusion", "empty"),
    ],
)
def test_what_is_not_read_is_refused_with_a_remedy(entities: dict, words: str, code: str) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        read(**entities)
    assert caught.value.code == code and caught.value.remedy


def test_a_self_crossing_outline_is_refused() -> None:
    bow = [line((0, 0), (10, 10)), line((10, 10), (10, 0)), line((10, 0), (0, 8)), line((0, 8), (0, 0))]
    with pytest.raises(Refusal, match="crosses itself"):
        read_program(json.dumps(document(S=sketch(bow), E=extrude())), where="bow.json")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "another schema"),
        ('{"entities": {}, "sequence": 3}', "another schema"),
        ("[1, 2]", "another schema"),
        ('{"entities": {"a": NaN}, "sequence": []}', "NaN"),
        ('{"entities": {}, "sequence": [Infinity]}', "Infinity"),
        ('{"entities": {', "not JSON"),
        ("[" * 100_000, "beyond what is read"),
        ('{"a": ' + "9" * 5000 + "}", "beyond what is read"),
    ],
)
def test_other_json_is_refused(text: str, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        read_deepcad(text, where="x.json")


@settings(max_examples=30, deadline=None)
@given(programs())
def test_written_json_reads_back(program) -> None:
    text = write_program(program, "deepcad")
    again, dialect = read_program(text)
    assert dialect == "deepcad"
    expected = tidy(program)
    assert len(again.steps) == len(expected.steps)
    for one, other in zip(again.curves(), expected.curves(), strict=True):
        for name in ("start", "end", "center"):
            if hasattr(one, name) and not isinstance(other, Arc):
                assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-8)
    assert json.loads(text)["properties"]["bounding_box"]["type"] == "BoundingBox3D"
    for a, b in zip(bounding_box(again), bounding_box(program), strict=True):
        assert a == pytest.approx(b, abs=1e-6)


def test_real_histories_read_and_read_back(shared_data) -> None:
    files = sorted((shared_data / "deepcad").glob("0*.json"))
    expected = json.loads((shared_data / "deepcad" / "expected_properties.json").read_text())["parts"]
    assert len(files) == 8
    for file in files:
        history = read_deepcad(file.read_bytes(), where=file.name)
        low, high = bounding_box(history.program)
        want = expected[file.stem]
        assert [b - a for a, b in zip(low, high, strict=True)] == pytest.approx(want["bbox_mm"], abs=2e-3)
        assert low == pytest.approx(want["bbox_min"], abs=2e-3)
        agrees = all(abs((b - a) - side) < 0.05 for a, b, side in zip(*history.box, want["bbox_mm"], strict=True))
        assert agrees == want["json_bbox_agrees"]
        again = read_deepcad(write_program(history.program, "deepcad")).program
        for a, b in zip(canonical(again).curves(), canonical(history.program).curves(), strict=True):
            if isinstance(a, Circle):
                assert a == b
            else:
                assert (a.start, a.end) == (b.start, b.end)
