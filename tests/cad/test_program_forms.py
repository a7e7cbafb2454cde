"""Boxes, moves, nesting, canonical order and the faults that plane geometry sees."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from programs_at_random import polygon, profiles, programs, rounded_rectangle

from redraft.core.errors import Refusal
from redraft.tasks.cad.program import codec
from redraft.tasks.cad.program.nesting import inside, profiles_of
from redraft.tasks.cad.program.normalise import axis_of, canonical, fuse_new_bodies, plain, seal, tidy
from redraft.tasks.cad.program.transform import (
    bounding_box,
    heights,
    loop_box,
    loops_of,
    reach,
    reverse_loop,
    scale,
    signed_area,
    translate,
)
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
from redraft.tasks.cad.program.validate import faults, profile_faults

SQUARE = polygon([(0, 0), (10, 0), (10, 10), (0, 10)])


def part(*steps: Extrude) -> Program:
    return Program(steps)


def step(loop: Loop = SQUARE, operation: Operation = Operation.NEW, one: float = 5.0, **kwargs) -> Extrude:
    frame = kwargs.pop("plane", Plane((0.0, 0.0, 0.0)))
    return Extrude((Sketch(frame, (Profile(loop),)),), operation, kwargs.pop("extent", Extent.ONE), one, **kwargs)


def near(a, b, tolerance=1e-9):
    return all(
        math.isclose(p, q, abs_tol=tolerance) for x, y in zip(a, b, strict=True) for p, q in zip(x, y, strict=True)
    )


@settings(max_examples=40, deadline=None)
@given(programs())
def test_tidy_and_canonical_are_idempotent_and_keep_the_box_and_the_areas(program: Program) -> None:
    neat, ordered = tidy(program), canonical(program)
    assert tidy(neat) == neat
    again = canonical(ordered)
    assert near(bounding_box(again), bounding_box(ordered))
    for form in (neat, ordered, plain(program)):
        assert near(bounding_box(form), bounding_box(program), 1e-6)
        areas = [sorted(loop.area for loop in loops_of(p)) for p in (form, program)]
        assert areas[0] == pytest.approx(areas[1])
    assert all(signed_area(loop) > 0 for loop in loops_of(ordered))
    assert codec.from_data(codec.to_data(ordered)) == ordered
    assert faults(program) == () and faults(ordered) == ()


@settings(max_examples=40, deadline=None)
@given(programs())
def test_plain_has_one_sided_upward_steps_of_the_same_heights(program: Program) -> None:
    for before, after in zip(program.steps, plain(program).steps, strict=True):
        low, high = heights(before)
        assert (after.extent, after.one) == (Extent.ONE, high - low)
        assert after.operation in (before.operation, Operation.JOIN)


@settings(max_examples=40, deadline=None)
@given(programs())
def test_moving_and_scaling_move_and_scale_the_box(program: Program) -> None:
    low, high = bounding_box(program)
    moved = bounding_box(translate(program, (1.0, -2.0, 3.0)))
    assert near(moved, [[a + b for a, b in zip(p, (1, -2, 3), strict=True)] for p in (low, high)], 1e-9)
    assert near(bounding_box(scale(program, 2.5)), [[2.5 * v for v in p] for p in (low, high)], 1e-6)
    with pytest.raises(Refusal):
        scale(program, 0)


def test_reach_of_an_arc_is_exact() -> None:
    arc = Arc((10.0, 0.0), (0.0, 10.0), (-10.0, 0.0))
    assert reach(arc, (0.0, 1.0)) == pytest.approx((0, 10))
    assert reach(arc, (1.0, 1.0)) == pytest.approx((-10, 10 * math.sqrt(2)))
    assert loop_box(rounded_rectangle(0, 0, 20, 10, 2)) == ((0, 0), (20, 10))
    low, high = bounding_box(part(step(Loop((Circle((0.0, 0.0), 5.0),)), plane=_tilted())))
    assert high[0] - low[0] == pytest.approx(5 * math.sqrt(2) + 5 / math.sqrt(2))
    assert high[1] - low[1] == pytest.approx(10)


def _tilted() -> Plane:
    half = math.sqrt(0.5)
    return Plane((0.0, 0.0, 0.0), (half, 0.0, half), (0.0, 1.0, 0.0))


def test_the_box_ignores_cuts_and_heeds_intersections() -> None:
    big = polygon([(-50, -50), (50, -50), (50, 50), (-50, 50)])
    cut = step(big, Operation.CUT, 1.0)
    meet = step(polygon([(5, -50), (50, -50), (50, 50), (5, 50)]), Operation.INTERSECT, 50.0)
    assert bounding_box(part(step(), cut)) == ((0, 0, 0), (10, 10, 5))
    assert bounding_box(part(step(), meet)) == ((5, 0, 0), (10, 10, 5))


def test_tidy_seals_gaps_merges_planes_and_simplifies_extents() -> None:
    loop = Loop(
        (Line((0, 0), (10, 0)), Line((10, 0.00005), (10, 10)), Line((10, 10), (0, 10)), Line((0, 10), (0, 0)))
    )
    assert [c.start for c in seal(loop).curves] == [(0, 0), (10, 0), (10, 10), (0, 10)]
    sketch = Sketch(Plane((0.0, 0.0, -0.0)), (Profile(SQUARE),))
    two = Extrude((sketch, sketch), Operation.JOIN, Extent.TWO, -3.0, 3.0)
    neat = tidy(Program((two,))).steps[0]
    assert (neat.operation, neat.extent, neat.one, neat.two) == (Operation.NEW, Extent.ONE, -3.0, 0.0)
    assert len(neat.sketches) == 1 and len(neat.sketches[0].profiles) == 2
    assert tidy(part(step(one=-4.0, extent=Extent.SYMMETRIC))).steps[0].one == 4.0
    later = fuse_new_bodies(part(step(), step()))
    assert [s.operation for s in later.steps] == [Operation.NEW, Operation.JOIN]


def test_canonical_frames_follow_the_views() -> None:
    behind = Plane((3.0, 4.0, 5.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    ordered = canonical(part(step(plane=behind))).steps[0]
    assert ordered.sketches[0].plane == Plane((0.0, 4.0, 0.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0))
    assert ordered.one == -5.0
    assert loop_box(ordered.sketches[0].profiles[0].outer) == ((3, -5), (13, 5))
    assert [axis_of(p) for p in (behind, _tilted())] == ["y", None]


def test_loops_nest_by_geometry_whatever_their_order() -> None:
    hole = polygon([(2, 2), (4, 2), (4, 4), (2, 4)])
    island = Loop((Circle((3.0, 3.0), 0.5),))
    apart = polygon([(20, 0), (30, 0), (30, 10)])
    found = profiles_of([hole, island, SQUARE, apart])
    assert [(p.outer, p.holes) for p in found] == [(island, ()), (SQUARE, (hole,)), (apart, ())]


def test_a_hole_on_the_chord_of_an_arc_is_inside() -> None:
    """00001010 has holes whose centres lie on the chords of its end arcs."""
    outer = Loop(
        (
            Line((-9.525, -9.525), (9.525, -9.525)),
            Arc((9.525, -9.525), (13.4704, 0.0), (9.525, 9.525)),
            Line((9.525, 9.525), (-9.525, 9.525)),
            Arc((-9.525, 9.525), (-13.4704, 0.0), (-9.525, -9.525)),
        )
    )
    assert inside((9.525, 1.0), outer) and inside((13.0, 0.0), outer) and not inside((13.5, 0.0), outer)
    assert len(profiles_of([Loop((Circle((9.525, 0.0), 1.4478),)), outer])) == 1


def test_crossings_are_found_and_neighbours_are_not() -> None:
    bow = polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    assert profile_faults(Profile(bow)) == ("the outer loop encloses nothing", "the outer loop crosses itself")
    across = Loop((Circle((10.0, 5.0), 2.0),))
    assert profile_faults(Profile(SQUARE, (across,))) == ("the outer loop crosses hole 1",)
    outside = Loop((Circle((30.0, 5.0), 2.0),))
    assert profile_faults(Profile(SQUARE, (outside,))) == ("hole 1 lies outside the outer loop",)
    touching = Loop((Circle((8.0, 5.0), 2.0),))
    assert profile_faults(Profile(SQUARE, (touching,))) == ()
    assert profile_faults(Profile(SQUARE, (touching,)), touching=True) != ()
    pair = (Loop((Circle((4.0, 5.0), 1.0),)), Loop((Circle((5.0, 5.0), 1.0),)))
    assert profile_faults(Profile(SQUARE, pair)) == ("hole 1 crosses hole 2",)
    assert profile_faults(Profile(rounded_rectangle(0, 0, 20, 10, 2)), touching=True) == ()
    assert faults(part(step(bow)))[0].startswith("extrusion 1:")


@given(profiles())
def test_reversing_a_loop_changes_its_sign_alone(profile: Profile) -> None:
    loop = profile.outer
    back = reverse_loop(loop)
    assert reverse_loop(back) == loop
    assert back.area == pytest.approx(loop.area)
    if not isinstance(loop.curves[0], Circle):
        assert signed_area(back) == pytest.approx(-signed_area(loop))
