"""Programs become solids with the right measures, or a reason why not."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_parts import (
    BOX,
    CROSS_HOLE,
    FLANGE,
    FLANGE_VOLUME,
    FRONT,
    HOLLOW,
    SLOTTED,
    circle,
    extrude,
    part,
    polygon,
    rectangle,
    slot,
)

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects import read_program
from redraft.tasks.cad.kernel.faults import KernelFault
from redraft.tasks.cad.kernel.jobs import JOBS
from redraft.tasks.cad.program import Arc, Line, Loop, Plane, Profile
from redraft.tasks.cad.program.codec import to_data

REAL = ("00000069", "00001005", "00001010", "00003877", "00003999", "00005081", "00015361", "00633023")

CUBE = extrude(rectangle(0, 0, 5, 5), 5)


def measured(program):
    return JOBS["measure"]({"program": to_data(program)})


@pytest.mark.parametrize("name", REAL)
def test_real_histories_measure_what_another_kernel_measured(shared_data, name):
    expected = json.loads((shared_data / "deepcad" / "expected_properties.json").read_text())["parts"][name]
    found = measured(read_program((shared_data / "deepcad" / f"{name}.json").read_bytes())[0])
    for key in ("valid", "solids", "faces", "edges"):
        assert found[key] == expected[key], key
    for key in ("volume_mm3", "area_mm2"):
        assert found[key] == pytest.approx(expected[key], rel=1e-4), key
    assert found["bbox_mm"] == pytest.approx(expected["bbox_mm"], rel=1e-4)
    assert found["bbox_min"] == pytest.approx(expected["bbox_min"], abs=1e-4 * max(expected["bbox_mm"]))
    if not expected["valid"]:
        assert (found["reason"], found["betti"]) == ("invalid_solid", None)
        assert "the boundary of a face crosses or touches itself" in found["detail"]


def test_a_box():
    found = measured(BOX)
    assert (found["valid"], found["reason"], found["detail"]) == (True, "ok", "")
    assert (found["solids"], found["faces"], found["edges"], found["betti"]) == (1, 6, 12, [1, 0, 0])
    assert found["volume_mm3"] == pytest.approx(6000, rel=1e-12)
    assert found["area_mm2"] == pytest.approx(2200, rel=1e-12)
    assert found["bbox_mm"] == pytest.approx([30, 20, 10], abs=1e-9)
    assert found["bbox_min"] == pytest.approx([0, 0, 0], abs=1e-9)
    assert found["center_of_mass"] == pytest.approx([15, 10, 5], abs=1e-9)


def test_joined_cut_and_drilled():
    found = measured(FLANGE)
    assert found["volume_mm3"] == pytest.approx(FLANGE_VOLUME, rel=1e-9)
    assert found["betti"] == [1, 5, 0]
    assert (found["solids"], found["faces"]) == (1, 13)


def test_a_closed_hollow_counts():
    found = measured(HOLLOW)
    assert (found["valid"], found["betti"], found["faces"]) == (True, [1, 0, 1], 12)
    assert found["volume_mm3"] == pytest.approx(7000)


def test_faces_of_one_plane_are_merged():
    found = measured(part(extrude(rectangle(0, 0, 10, 10), 5), extrude(rectangle(10, 0, 10, 10), 5, "join")))
    assert (found["faces"], found["edges"], found["volume_mm3"]) == (6, 12, pytest.approx(1000))


@pytest.mark.parametrize(
    ("extent", "one", "two", "low", "high"),
    [
        ("one", 5, 0, 0, 5),
        ("one", -5, 0, -5, 0),
        ("symmetric", 5, 0, -5, 5),
        ("symmetric", -5, 0, -5, 5),
        ("two", 5, 3, -3, 5),
        ("two", 5, -3, 0, 5),
        ("two", 2, -3, 0, 3),
        ("two", -5, 3, -5, 0),
        ("two", -5, -3, -5, 3),
        ("two", 0, 4, -4, 0),
    ],
)
def test_extents_span_the_prisms_they_name(extent, one, two, low, high):
    plane = Plane((0, 0, 7), (0, 0, -1), (1, 0, 0))
    found = measured(part(extrude(rectangle(0, 0, 4, 4), one, extent=extent, two=two, plane=plane)))
    assert found["valid"]
    assert found["bbox_min"][2] == pytest.approx(7 - high, abs=1e-9)
    assert found["bbox_mm"][2] == pytest.approx(high - low, abs=1e-9)


def test_the_box_is_tight_around_a_circle_on_a_tilted_plane():
    tilted = Plane((0, 0, 0), (math.sin(0.5), 0, math.cos(0.5)), (math.cos(0.5), 0, -math.sin(0.5)))
    found = measured(part(extrude(circle(10), 1, plane=tilted)))
    assert found["bbox_mm"] == pytest.approx(
        [20 * math.cos(0.5) + math.sin(0.5), 20, 20 * math.sin(0.5) + math.cos(0.5)], abs=1e-5
    )


def test_the_volume_between_crossing_cylinders_is_exact():
    # V of the common part of two cylinders across each other, R = 15 and r = 6, by Simpson's rule: the hole.
    n = 200_000
    xs = [-6 + 12 * i / n for i in range(n + 1)]
    ys = [4 * math.sqrt(max(0.0, 36 - x * x)) * math.sqrt(225 - x * x) for x in xs]
    hole = 12 / n / 3 * (ys[0] + ys[-1] + 4 * sum(ys[1:-1:2]) + 2 * sum(ys[2:-1:2]))
    assert measured(CROSS_HOLE)["volume_mm3"] == pytest.approx(math.pi * 225 * 40 - hole, rel=1e-6)


@pytest.mark.parametrize(
    ("holes", "area", "betti"),
    [
        ((circle(2, 5, 5),), 100 - 4 * math.pi, [1, 1, 0]),
        ((circle(3, 5, 5), circle(1, 5, 5)), 100 - 9 * math.pi, [1, 1, 0]),
        (
            (circle(2, 4, 5), circle(2, 6, 5)),
            100 - 2 * 4 * math.pi + (16 * math.pi / 3 - 2 * math.sqrt(12)) / 2,
            [1, 1, 0],
        ),
        ((circle(3, 10, 5),), 100 - 4.5 * math.pi, [1, 0, 0]),
        ((rectangle(4, -1, 2, 12),), 80, [2, 0, 0]),
        ((rectangle(0, 0, 5, 10),), 50, [1, 0, 0]),
        ((rectangle(20, 20, 1, 1),), 100, [1, 0, 0]),
    ],
    ids=["inside", "nested", "overlapping", "over the rim", "splitting", "along the rim", "outside"],
)
def test_holes_are_what_lies_outside_of_every_hole(holes, area, betti):
    found = measured(part(extrude(Profile(rectangle(0, 0, 10, 10), holes), 2)))
    assert (found["valid"], found["betti"]) == (True, betti)
    assert found["volume_mm3"] == pytest.approx(2 * area, rel=1e-6)


def test_gaps_within_the_tolerance_of_a_loop_are_closed():
    loop = Loop(
        (
            Line((0, 0), (10, 0.00004)),
            Line((10, 0), (10, 10)),
            Arc((10, 10), (5, 12), (0, 10)),
            Line((0.00005, 10), (0, 0)),
        )
    )
    found = measured(part(extrude(loop, 3)))
    assert found["valid"]
    assert (found["solids"], found["faces"]) == (1, 6)


@pytest.mark.parametrize(
    ("program", "reason", "says"),
    [
        (part(extrude(polygon((0, 0), (10, 10), (10, 0), (0, 10)), 5)), "execute", "extrusion 1"),
        (part(extrude(polygon((0, 0), (8, 0), (8, 8), (8, 0), (4, -4)), 5)), "execute", "itself"),
        (part(CUBE, extrude(rectangle(-1, -1, 9, 9), 9, "cut")), "empty", "extrusion 2"),
        (part(CUBE, extrude(rectangle(6, 6, 1, 1), 5, "intersect")), "empty", "nothing"),
        (part(extrude(Profile(rectangle(0, 0, 5, 5), (circle(30),)), 5)), "empty", "holes"),
        (part(extrude(Profile(rectangle(0, 0, 5, 5), (rectangle(0, 0, 5, 5),)), 5)), "empty", "holes"),
    ],
    ids=["crossing", "spike", "cut away", "apart", "hole over all", "hole of the same form"],
)  # fmt: skip
def test_what_cannot_be_built_has_a_reason_and_a_place(program, reason, says):
    with pytest.raises(KernelFault) as caught:
        measured(program)
    assert caught.value.reason == reason
    assert says in str(caught.value)


def test_solids_that_share_an_edge_are_not_a_manifold():
    found = measured(part(extrude([Profile(rectangle(0, 0, 10, 10)), Profile(rectangle(10, 10, 10, 10))], 5)))
    assert (found["valid"], found["reason"], found["solids"]) == (False, "non_manifold", 2)
    assert found["detail"] == "more than two faces meet at 1 edge"


def test_solids_apart_are_one_sound_part():
    found = measured(part(extrude(circle(3), 5), extrude(circle(3, 10), 5)))
    assert (found["valid"], found["solids"], found["betti"]) == (True, 2, [2, 0, 0])


def test_the_same_body_twice_is_that_body():
    assert measured(part(*FLANGE.steps, *(s for s in FLANGE.steps[:1])))["solids"] == 1
    twice = measured(part(extrude(slot(9, 3), 5), extrude(slot(9, 3), 5, "join")))
    assert twice["volume_mm3"] == pytest.approx(5 * (9 * math.pi + 18 * 6))


def test_a_payload_without_a_shape_is_refused():
    with pytest.raises(Refusal):
        JOBS["measure"]({})
    with pytest.raises(Refusal):
        JOBS["measure"]({"program": {"format": 1, "steps": []}})


size = st.floats(0.5, 50)


@settings(max_examples=30, deadline=None)
@given(size, size, size, size, st.floats(-math.pi, math.pi), st.floats(-1, 1))
def test_volume_does_not_depend_on_the_plane(width, height, length, radius, turn, tilt):
    normal = (math.sin(tilt), 0.0, math.cos(tilt))
    u, v = (math.cos(tilt), 0.0, -math.sin(tilt)), (0.0, 1.0, 0.0)
    x_axis = tuple(math.cos(turn) * a + math.sin(turn) * b for a, b in zip(u, v, strict=True))
    plane = Plane((3, -2, 1), normal, x_axis)
    outline = Loop(
        (
            Line((0, 0), (width, 0)),
            Line((width, 0), (width, height)),
            Line((width, height), (0, height)),
            Arc((0, height), (-radius, height / 2), (0, 0)),
        )
    )
    found = measured(part(extrude(outline, length, plane=plane)))
    assert found["valid"], found["detail"]
    assert found["volume_mm3"] == pytest.approx(outline.area * length, rel=1e-8)
    assert found["betti"] == [1, 0, 0]


def test_the_front_plane_extrudes_toward_the_eye():
    found = measured(part(extrude(rectangle(0, 0, 4, 6), 9, plane=FRONT)))
    assert found["bbox_min"] == pytest.approx([0, -9, 0], abs=1e-9)
    assert found["bbox_mm"] == pytest.approx([4, 9, 6], abs=1e-9)
    assert measured(SLOTTED)["betti"] == [1, 1, 0]
