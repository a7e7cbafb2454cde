"""One form for programs that mean the same: sealed loops, merged planes, simple extents, canonical order.

`tidy` changes nothing that a reader of the solid could notice, and every dialect reads into it and writes from
it. `canonical` also chooses where loops start and how profiles are sorted, and turns planes that lie along an
axis into one frame each, so that equal drawings have equal texts.
"""

from __future__ import annotations

import math
from dataclasses import replace

from redraft.tasks.cad.program.transform import heights, loop_box, map_profile, reverse_loop, signed_area
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

AXES: dict[str, tuple[Vec3, Vec3]] = {
    "x": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "y": ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0)),
    "z": ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
}
"""The canonical frame of a plane across an axis: its normal and its x axis.

u and v are y z, x z and x y, as the right, the front and the top view show them; the normal points at who looks.
"""
PARALLEL = 1e-9
"""The largest component across an axis of a unit normal that still counts as along it (1e-4 mm at 100 m)."""


def tidy(program: Program) -> Program:
    """Seals loops, merges sketches on equal planes, and writes equal extents one way.

    Sealing moves the start of a curve onto the end of the one before, at most `CLOSED`; curves without length
    vanish. TWO with a distance of 0, or with both ends at one place, becomes ONE; a SYMMETRIC distance is
    positive; the first step is NEW; -0.0 becomes 0.0.
    """
    steps = []
    for number, step in enumerate(program.steps):
        planes: dict[Plane, list[Profile]] = {}
        for sketch in step.sketches:
            sealed = (Profile(seal(p.outer), tuple(seal(hole) for hole in p.holes)) for p in sketch.profiles)
            planes.setdefault(_positive(sketch.plane), []).extend(sealed)
        sketches = tuple(Sketch(plane, tuple(profiles)) for plane, profiles in planes.items())
        extent, one, two = _extent(step)
        operation = Operation.NEW if number == 0 and step.operation is Operation.JOIN else step.operation
        steps.append(Extrude(sketches, operation, extent, one + 0.0, two + 0.0))
    return Program(tuple(steps))


def fuse_new_bodies(program: Program) -> Program:
    """Every NEW after the first step as a JOIN, which is what it does."""
    first, *rest = program.steps
    return Program(
        (first, *(replace(s, operation=Operation.JOIN) if s.operation is Operation.NEW else s for s in rest))
    )


def plain(program: Program) -> Program:
    """Every step as ONE extent from its lower to its upper end along its normal: the same solid.

    A drawing does not tell on which of its faces an extrusion was sketched, so that this is the form to teach.
    """
    steps = []
    for step in fuse_new_bodies(program).steps:
        low, high = heights(step)
        sketches = []
        for sketch in step.sketches:
            (x, y, z), (a, b, c) = sketch.plane.origin, sketch.plane.normal
            origin = (x + low * a, y + low * b, z + low * c)
            sketches.append(replace(sketch, plane=replace(sketch.plane, origin=origin)))
        steps.append(Extrude(tuple(sketches), step.operation, Extent.ONE, high - low))
    return Program(tuple(steps))


def seal(loop: Loop) -> Loop:
    """The loop with every start exactly on the end before it, and without curves of no length."""
    if isinstance(loop.curves[0], Circle):
        circle = loop.curves[0]
        return Loop((Circle(_zero(circle.center), circle.radius),))
    curves: list[Curve] = []
    last = loop.curves[-1]
    assert not isinstance(last, Circle)
    at = _zero(last.end)
    for curve in loop.curves:
        assert not isinstance(curve, Circle)
        end = _zero(curve.end)
        if end == at:
            continue
        curves.append(Line(at, end) if isinstance(curve, Line) else Arc(at, _zero(curve.mid), end))
        at = end
    return Loop(tuple(curves))


def canonical(program: Program) -> Program:
    """The tidy program in canonical order.

    Planes across an axis get the frame of `AXES` with their origin on that axis, other planes a horizontal x
    axis. A loop starts at its lowest corner (the leftmost of the lowest) and runs counter-clockwise, a hole too;
    holes and profiles are sorted by the lower left corner of their box. The order of steps, which decides the
    solid, stays.
    """
    steps = []
    for step in tidy(program).steps:
        frames = [_framed(sketch) for sketch in step.sketches]
        one, two, extent = step.one, step.two, step.extent
        sketches = [sketch for sketch, _ in frames]
        if extent is not Extent.SYMMETRIC:
            side = frames[0][1]
            one, two = side * one, side * two
            sketches = [flipped(sketch) if sign != side else sketch for sketch, sign in frames]
        merged: dict[Plane, list[Profile]] = {}
        for sketch in sketches:
            merged.setdefault(sketch.plane, []).extend(_ordered(p) for p in sketch.profiles)
        ordered = [Sketch(p, tuple(sorted(profiles, key=_profile_key))) for p, profiles in merged.items()]
        steps.append(Extrude(tuple(ordered), step.operation, extent, one, two))
    return Program(tuple(steps))


def axis_of(plane: Plane) -> str | None:
    """The name of the axis that the plane lies across, or None for a slanted one."""
    for name, (normal, _) in AXES.items():
        along = sum(a * b for a, b in zip(plane.normal, normal, strict=True))
        if 1 - abs(along) <= PARALLEL and all(
            abs(c) <= PARALLEL for c, n in zip(plane.normal, normal, strict=True) if n == 0
        ):
            return name
    return None


def _framed(sketch: Sketch) -> tuple[Sketch, int]:
    """The sketch in its plane's canonical frame, and -1 where the frame's normal is opposite to the old one."""
    plane = sketch.plane
    name = axis_of(plane)
    if name is None:
        target, sign = _level(plane), 1
    else:
        normal, x_axis = AXES[name]
        offset = sum(a * b for a, b in zip(plane.origin, normal, strict=True))
        target = Plane((normal[0] * offset, normal[1] * offset, normal[2] * offset), normal, x_axis)
        sign = 1 if sum(a * b for a, b in zip(plane.normal, normal, strict=True)) > 0 else -1
    return _onto(sketch, target), sign


def _onto(sketch: Sketch, target: Plane) -> Sketch:
    """The same profiles written in the coordinates of another frame of the same plane."""
    old = sketch.plane
    if old == target:
        return sketch
    rows = [
        tuple(_whole(sum(a * b for a, b in zip(mine, theirs, strict=True))) for theirs in (old.x_axis, old.y_axis))
        for mine in (target.x_axis, target.y_axis)
    ]
    gap = tuple(a - b for a, b in zip(old.origin, target.origin, strict=True))
    shift = [sum(a * b for a, b in zip(gap, axis, strict=True)) for axis in (target.x_axis, target.y_axis)]

    def move(point: Vec2) -> Vec2:
        u, v = point
        x = rows[0][0] * u + rows[0][1] * v + shift[0]
        y = rows[1][0] * u + rows[1][1] * v + shift[1]
        return (x + 0.0, y + 0.0)

    return Sketch(target, tuple(map_profile(profile, move) for profile in sketch.profiles))


def flipped(sketch: Sketch) -> Sketch:
    """The sketch on the same plane seen from behind: normal and y axis reversed."""
    a, b, c = sketch.plane.normal
    return _onto(sketch, _positive(replace(sketch.plane, normal=(-a, -b, -c))))


def _level(plane: Plane) -> Plane:
    """The frame of a slanted plane whose x axis is horizontal and whose y axis climbs."""
    a, b, _ = plane.normal
    length = math.hypot(a, b)
    return _positive(Plane(plane.origin, plane.normal, (-b / length, a / length, 0.0)))


def _ordered(profile: Profile) -> Profile:
    holes = sorted((_loop_from_corner(hole) for hole in profile.holes), key=_loop_key)
    return Profile(_loop_from_corner(profile.outer), tuple(holes))


def _loop_from_corner(loop: Loop) -> Loop:
    if isinstance(loop.curves[0], Circle):
        return loop
    if signed_area(loop) < 0:
        loop = reverse_loop(loop)
    starts = [(c.start[1], c.start[0]) for c in loop.curves if not isinstance(c, Circle)]
    first = min(range(len(starts)), key=lambda i: (round(starts[i][0], 6), starts[i][1]))
    return Loop(loop.curves[first:] + loop.curves[:first])


def _loop_key(loop: Loop) -> tuple[float, ...]:
    (x0, y0), (x1, y1) = loop_box(loop)
    return (round(y0, 6), round(x0, 6), round(y1, 6), round(x1, 6))


def _profile_key(profile: Profile) -> tuple[float, ...]:
    return _loop_key(profile.outer)


def _extent(step: Extrude) -> tuple[Extent, float, float]:
    if step.extent is Extent.SYMMETRIC:
        return step.extent, abs(step.one), 0.0
    if step.extent is Extent.ONE:
        return step.extent, step.one, 0.0
    if step.two == 0 or step.one == -step.two:
        return Extent.ONE, step.one, 0.0
    if step.one == 0:
        return Extent.ONE, -step.two, 0.0
    return step.extent, step.one, step.two


def _positive(plane: Plane) -> Plane:
    """The plane without negative zeros, so that equal planes are equal keys."""
    return Plane(_zero3(plane.origin), _zero3(plane.normal), _zero3(plane.x_axis))


def _zero(point: Vec2) -> Vec2:
    return (point[0] + 0.0, point[1] + 0.0)


def _zero3(point: Vec3) -> Vec3:
    return (point[0] + 0.0, point[1] + 0.0, point[2] + 0.0)


def _whole(value: float) -> float:
    """Cosines that miss -1, 0 or 1 by rounding alone."""
    nearest = round(value)
    return float(nearest) if abs(value - nearest) < PARALLEL else value
