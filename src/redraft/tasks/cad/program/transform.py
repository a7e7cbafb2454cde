"""Moves, sizes and boxes of programs, without a geometry kernel. Millimetres throughout."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from redraft.core.errors import Refusal
from redraft.tasks.cad.program.types import (
    Arc,
    Circle,
    Curve,
    Extent,
    Extrude,
    Line,
    Loop,
    Operation,
    Plane,
    Profile,
    Program,
    Sketch,
    Vec2,
    Vec3,
)

Box = tuple[Vec3, Vec3]
"""Lower and upper corner."""


def translate(program: Program, by: Vec3) -> Program:
    """The part moved by a vector in mm."""

    def moved(plane: Plane) -> Plane:
        x, y, z = plane.origin
        return replace(plane, origin=(x + by[0], y + by[1], z + by[2]))

    return Program(
        tuple(
            replace(step, sketches=tuple(replace(s, plane=moved(s.plane)) for s in step.sketches))
            for step in program.steps
        )
    )


def scale(program: Program, factor: float) -> Program:
    """The part sized by a positive factor about the origin."""
    if not factor > 0 or not math.isfinite(factor):
        raise Refusal(f"a scale of {factor:g} is not positive", remedy="Give a factor above 0")

    def sized(plane: Plane) -> Plane:
        x, y, z = plane.origin
        return replace(plane, origin=(x * factor, y * factor, z * factor))

    return Program(
        tuple(
            replace(
                step,
                one=step.one * factor,
                two=step.two * factor,
                sketches=tuple(
                    Sketch(
                        sized(s.plane),
                        tuple(map_profile(p, lambda q: _times(q, factor), factor) for p in s.profiles),
                    )
                    for s in step.sketches
                ),
            )
            for step in program.steps
        )
    )


def _times(point: Vec2, factor: float) -> Vec2:
    return (point[0] * factor, point[1] * factor)


def map_profile(profile: Profile, move: Callable[[Vec2], Vec2], factor: float = 1.0) -> Profile:
    """The profile under a similarity of the plane: a function of a point, and what it does to lengths."""
    holes = tuple(map_loop(hole, move, factor) for hole in profile.holes)
    return Profile(map_loop(profile.outer, move, factor), holes)


def map_loop(loop: Loop, move: Callable[[Vec2], Vec2], factor: float = 1.0) -> Loop:
    """The loop under a similarity of the plane: a function of a point, and what it does to lengths."""

    def moved(curve: Curve) -> Curve:
        if isinstance(curve, Line):
            return Line(move(curve.start), move(curve.end))
        if isinstance(curve, Arc):
            return Arc(move(curve.start), move(curve.mid), move(curve.end))
        return Circle(move(curve.center), curve.radius * factor)

    return Loop(tuple(moved(curve) for curve in loop.curves))


def reverse_loop(loop: Loop) -> Loop:
    """The same loop walked the other way round."""

    def back(curve: Curve) -> Curve:
        if isinstance(curve, Line):
            return Line(curve.end, curve.start)
        if isinstance(curve, Arc):
            return Arc(curve.end, curve.mid, curve.start)
        return curve

    return Loop(tuple(back(curve) for curve in reversed(loop.curves)))


def signed_area(loop: Loop) -> float:
    """The enclosed area in mm2, negative for a clockwise loop; a circle counts as counter-clockwise."""
    total = 0.0
    for curve in loop.curves:
        if isinstance(curve, Circle):
            return math.pi * curve.radius**2
        (ax, ay), (bx, by) = curve.start, curve.end
        total += (ax * by - bx * ay) / 2
        if isinstance(curve, Arc) and (circle := curve.circle) is not None:
            total += circle[1] ** 2 * (curve.sweep - math.sin(curve.sweep)) / 2
    return total


def reach(curve: Curve, direction: Vec2) -> tuple[float, float]:
    """The least and the greatest of direction . point over the whole curve, exact for arcs and circles."""
    du, dv = direction
    if isinstance(curve, Circle):
        middle = curve.center[0] * du + curve.center[1] * dv
        half = curve.radius * math.hypot(du, dv)
        return middle - half, middle + half
    values = [p[0] * du + p[1] * dv for p in (curve.start, curve.end)]
    if isinstance(curve, Arc) and (circle := curve.circle) is not None:
        (cx, cy), radius = circle
        first = math.atan2(curve.start[1] - cy, curve.start[0] - cx)
        for angle in (math.atan2(dv, du), math.atan2(-dv, -du)):
            turn = (angle - first) % math.tau if curve.sweep > 0 else (first - angle) % math.tau
            if turn <= abs(curve.sweep):
                values.append((cx + radius * math.cos(angle)) * du + (cy + radius * math.sin(angle)) * dv)
    return min(values), max(values)


def loop_box(loop: Loop) -> tuple[Vec2, Vec2]:
    """The exact box of a loop in its plane (`Loop.box` takes arcs by their three points only)."""
    spans = [[reach(curve, axis) for curve in loop.curves] for axis in ((1.0, 0.0), (0.0, 1.0))]
    low = (min(s[0] for s in spans[0]), min(s[0] for s in spans[1]))
    high = (max(s[1] for s in spans[0]), max(s[1] for s in spans[1]))
    return low, high


def heights(step: Extrude) -> tuple[float, float]:
    """From where to where a step reaches along the normal of its plane, in mm, the lower value first.

    The two prisms of a TWO extent both contain the plane, so that their union is one interval.
    """
    if step.extent is Extent.SYMMETRIC:
        return -abs(step.one), abs(step.one)
    ends = (0.0, step.one) if step.extent is Extent.ONE else (0.0, step.one, -step.two)
    return min(ends), max(ends)


def step_box(step: Extrude) -> Box:
    """The exact box of one extrusion's prisms."""
    low, high = heights(step)
    spans: list[tuple[float, float]] = []
    for axis in range(3):
        ends: list[float] = []
        for sketch in step.sketches:
            plane = sketch.plane
            direction = (plane.x_axis[axis], plane.y_axis[axis])
            across = [reach(c, direction) for p in sketch.profiles for c in p.outer.curves]
            along = sorted((low * plane.normal[axis], high * plane.normal[axis]))
            ends.append(plane.origin[axis] + min(a for a, _ in across) + along[0])
            ends.append(plane.origin[axis] + max(b for _, b in across) + along[1])
        spans.append((min(ends), max(ends)))
    (x0, x1), (y0, y1), (z0, z1) = spans
    return (x0, y0, z0), (x1, y1, z1)


def bounding_box(program: Program) -> Box:
    """The box of all material that the program adds, shrunk by its intersections, never by its cuts.

    It is the part's own box wherever no cut takes an outermost face away whole; the kernel knows better.
    """
    (x0, y0, z0), (x1, y1, z1) = step_box(program.steps[0])
    low, high = [x0, y0, z0], [x1, y1, z1]
    for step in program.steps[1:]:
        if step.operation is Operation.CUT:
            continue
        a, b = step_box(step)
        meets = step.operation is Operation.INTERSECT
        for i in range(3):
            low[i] = max(low[i], a[i]) if meets else min(low[i], a[i])
            high[i] = min(high[i], b[i]) if meets else max(high[i], b[i])
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def loops_of(program: Program) -> Iterator[Loop]:
    """Every loop in order, the outer one of a profile first."""
    for step in program.steps:
        for sketch in step.sketches:
            for profile in sketch.profiles:
                yield profile.outer
                yield from profile.holes
