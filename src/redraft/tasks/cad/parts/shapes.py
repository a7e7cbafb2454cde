"""Closed outlines on a lattice: corners, ends and centres are whole numbers of its unit.

The middles of quarter arcs alone are not; an arc's radius and ends are, which is what dialects keep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from redraft.tasks.cad.program.types import Arc, Circle, Curve, Line, Loop, Vec2

Rect = tuple[float, float, float, float]
"""x0, y0, x1, y1 with x0 < x1 and y0 < y1."""


def circle(x: float, y: float, radius: float) -> Loop:
    return Loop((Circle((x, y), radius),))


def polygon(points: Sequence[Vec2], radii: Sequence[float] = ()) -> Loop:
    """A counter-clockwise polygon; a radius rounds its corner, which must then be a right angle."""
    count = len(points)
    rounding = list(radii) or [0.0] * count
    enter, leave = list(points), list(points)
    for i, (x, y) in enumerate(points):
        if rounding[i]:
            enter[i] = _towards((x, y), points[i - 1], rounding[i])
            leave[i] = _towards((x, y), points[(i + 1) % count], rounding[i])
    curves: list[Curve] = []
    for i, corner in enumerate(points):
        if rounding[i]:
            curves.append(_fillet(enter[i], corner, leave[i]))
        after = enter[(i + 1) % count]
        if math.dist(leave[i], after) > 1e-9:
            curves.append(Line(leave[i], after))
    return Loop(tuple(curves))


def rectangle(rect: Rect, radius: float = 0.0) -> Loop:
    x0, y0, x1, y1 = rect
    return polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], [radius] * 4)


def chamfered(rect: Rect, cut: float) -> Loop:
    x0, y0, x1, y1 = rect
    return polygon(
        [
            (x0 + cut, y0),
            (x1 - cut, y0),
            (x1, y0 + cut),
            (x1, y1 - cut),
            (x1 - cut, y1),
            (x0 + cut, y1),
            (x0, y1 - cut),
            (x0, y0 + cut),
        ]
    )


def obround(rect: Rect) -> Loop:
    """A slot: two lines and two half circles; a square gives a circle."""
    x0, y0, x1, y1 = rect
    if x1 - x0 == y1 - y0:
        return circle((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2)
    if x1 - x0 > y1 - y0:
        r, y = (y1 - y0) / 2, (y0 + y1) / 2
        return Loop(
            (
                Line((x0 + r, y0), (x1 - r, y0)),
                Arc((x1 - r, y0), (x1, y), (x1 - r, y1)),
                Line((x1 - r, y1), (x0 + r, y1)),
                Arc((x0 + r, y1), (x0, y), (x0 + r, y0)),
            )
        )
    r, x = (x1 - x0) / 2, (x0 + x1) / 2
    return Loop(
        (
            Arc((x0, y0 + r), (x, y0), (x1, y0 + r)),
            Line((x1, y0 + r), (x1, y1 - r)),
            Arc((x1, y1 - r), (x, y1), (x0, y1 - r)),
            Line((x0, y1 - r), (x0, y0 + r)),
        )
    )


def arched(rect: Rect, rise: float) -> Loop:
    """A rectangle whose upper side is an arc rising by `rise`; half its width makes a half circle, a D."""
    x0, y0, x1, y1 = rect
    curves: list[Curve] = [Line((x0, y0), (x1, y0))]
    if y1 - rise > y0:
        curves.append(Line((x1, y0), (x1, y1 - rise)))
    curves.append(Arc((x1, y1 - rise), ((x0 + x1) / 2, y1), (x0, y1 - rise)))
    if y1 - rise > y0:
        curves.append(Line((x0, y1 - rise), (x0, y0)))
    return Loop(tuple(curves))


def teardrop(x: float, y: float, half: int) -> Loop:
    """A drop with its tip up: an arc of radius 5/3 `half` and two lines that touch it; `half` a multiple of 3.

    From the tip at 25/9 `half` above the centre the tangents touch at (4/3, 1) `half` from it: 3, 4, 5 triangles
    keep every corner on the lattice where `half` is a multiple of 9, and near it otherwise.
    """
    r, tip = 5 * half / 3, 25 * half / 9
    touch = 4 * half / 3
    return Loop(
        (
            Line((x, y + tip), (x - touch, y + half)),
            Arc((x - touch, y + half), (x, y - r), (x + touch, y + half)),
            Line((x + touch, y + half), (x, y + tip)),
        )
    )


def moved(loop: Loop, move: Callable[[Vec2], Vec2], scale: float = 1.0) -> Loop:
    """The loop with every point moved by a map that keeps angles; radii are multiplied by scale."""
    curves: list[Curve] = []
    for curve in loop.curves:
        if isinstance(curve, Line):
            curves.append(Line(move(curve.start), move(curve.end)))
        elif isinstance(curve, Arc):
            curves.append(Arc(move(curve.start), move(curve.mid), move(curve.end)))
        else:
            curves.append(Circle(move(curve.center), round(curve.radius * scale, 9)))
    return Loop(tuple(curves))


def canonical(loop: Loop) -> Loop:
    """Counter-clockwise, beginning at its leftmost, then lowest corner: the same shape is always the same text."""
    if isinstance(loop.curves[0], Circle):
        return loop
    curves: list[Line | Arc] = [c for c in loop.curves if not isinstance(c, Circle)]
    if _signed_area(curves) < 0:
        curves = [
            Line(c.end, c.start) if isinstance(c, Line) else Arc(c.end, c.mid, c.start) for c in reversed(curves)
        ]
    first = min(range(len(curves)), key=lambda i: (round(curves[i].start[0], 6), round(curves[i].start[1], 6)))
    return Loop(tuple(curves[first:] + curves[:first]))


def _signed_area(curves: Sequence[Line | Arc]) -> float:
    points = [p for c in curves for p in ((c.start, c.mid) if isinstance(c, Arc) else (c.start,))]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:] + points[:1], strict=True))


def _towards(a: Vec2, b: Vec2, distance: float) -> Vec2:
    length = math.dist(a, b)
    return (a[0] + (b[0] - a[0]) * distance / length, a[1] + (b[1] - a[1]) * distance / length)


def _fillet(start: Vec2, corner: Vec2, end: Vec2) -> Arc:
    """The quarter arc that rounds a right angle."""
    center = (start[0] + end[0] - corner[0], start[1] + end[1] - corner[1])
    radius = math.dist(start, corner)
    reach = math.dist(center, corner)
    mid = (
        center[0] + (corner[0] - center[0]) * radius / reach,
        center[1] + (corner[1] - center[1]) * radius / reach,
    )
    return Arc(start, mid, end)
