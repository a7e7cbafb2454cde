"""Which loop lies inside which: the faces that a set of closed loops bounds, told by geometry alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from redraft.tasks.cad.program.transform import loop_box
from redraft.tasks.cad.program.types import Arc, Circle, Loop, Profile, Vec2


def profiles_of(loops: Sequence[Loop]) -> tuple[Profile, ...]:
    """Faces from loops in any order: a loop within an odd number of others is a hole, the rest are outer ones.

    Faces and holes keep the order of the loops. Loops that touch are told by most of their points.
    """
    if len(loops) == 1:
        return (Profile(loops[0]),)
    areas = [loop.area for loop in loops]
    boxes = [loop_box(loop) for loop in loops]
    parents: list[list[int]] = [[] for _ in loops]
    for inner, loop in enumerate(loops):
        for outer, other in enumerate(loops):
            if areas[outer] > areas[inner] and _boxes_meet(boxes[inner], boxes[outer]) and within(loop, other):
                parents[inner].append(outer)
    faces: dict[int, list[Loop]] = {i: [] for i in range(len(loops)) if len(parents[i]) % 2 == 0}
    for i, around in enumerate(parents):
        if i not in faces:
            faces[min(around, key=lambda j: areas[j])].append(loops[i])
    return tuple(Profile(loops[i], tuple(holes)) for i, holes in faces.items())


def within(inner: Loop, outer: Loop) -> bool:
    """True where most of the inner loop's points lie inside the outer one."""
    points = sample(inner)
    return 2 * sum(inside(point, outer) for point in points) > len(points)


def sample(loop: Loop) -> list[Vec2]:
    """Corners of the loop and a point in the midst of each curve; four points of a circle."""
    points: list[Vec2] = []
    for curve in loop.curves:
        if isinstance(curve, Circle):
            (x, y), r = curve.center, curve.radius
            return [(x + r, y), (x, y + r), (x - r, y), (x, y - r)]
        points.append(curve.start)
        (ax, ay), (bx, by) = curve.start, curve.end
        points.append(curve.mid if isinstance(curve, Arc) else ((ax + bx) / 2, (ay + by) / 2))
    return points


def inside(point: Vec2, loop: Loop) -> bool:
    """True for a point inside the loop, by its winding number, arcs taken exactly.

    The point is moved by 1e-7 of the loop's size, so that it lies on no chord: a chord of an arc is no border.
    """
    low, high = loop.box
    size = math.dist(low, high)
    point = x, y = point[0] + 1.37e-7 * size, point[1] + 0.71e-7 * size
    turn = 0.0
    for curve in loop.curves:
        if isinstance(curve, Circle):
            return math.dist(point, curve.center) < curve.radius
        (ax, ay), (bx, by) = curve.start, curve.end
        ax, ay, bx, by = ax - x, ay - y, bx - x, by - y
        turn += math.atan2(ax * by - ay * bx, ax * bx + ay * by)
        if isinstance(curve, Arc) and (circle := curve.circle) is not None:
            sweep = curve.sweep
            side = (curve.end[0] - curve.start[0]) * (y - curve.start[1])
            side -= (curve.end[1] - curve.start[1]) * (x - curve.start[0])
            if math.dist(point, circle[0]) < circle[1] and side * sweep < 0:
                turn += math.copysign(math.tau, sweep)
    return abs(turn) > math.pi


def _boxes_meet(a: tuple[Vec2, Vec2], b: tuple[Vec2, Vec2]) -> bool:
    return all(a[0][i] <= b[1][i] and b[0][i] <= a[1][i] for i in (0, 1))
