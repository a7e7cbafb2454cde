"""Faults of profiles that plane geometry can see: curves that cross or touch, holes outside, nothing enclosed.

Whether a solid results is the kernel's to say; this finds, without it, what no kernel can make a face of.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from redraft.tasks.cad.program.nesting import within
from redraft.tasks.cad.program.transform import reach
from redraft.tasks.cad.program.types import Arc, Circle, Curve, Loop, Profile, Program, Vec2

MAX_PAIRS = 2_000_000
"""Pairs of curves with meeting boxes that are looked at; beyond it the rest is left to the kernel."""


SMALLEST = 1e-6
"""Millimetres across which a face must be at least: ten times the kernel's tolerance."""


def faults(program: Program, *, touching: bool = False) -> tuple[str, ...]:
    """What is wrong with the program's profiles, one sentence each, with the number of their extrusion.

    touching: also report loops that touch themselves or each other without crossing.
    """
    found: list[str] = []
    for number, step in enumerate(program.steps, 1):
        for sketch in step.sketches:
            for profile in sketch.profiles:
                found += [f"extrusion {number}: {fault}" for fault in profile_faults(profile, touching=touching)]
    return tuple(found)


def profile_faults(profile: Profile, *, touching: bool = False) -> tuple[str, ...]:
    """The faults of one face."""
    loops = (profile.outer, *profile.holes)
    names = ["the outer loop", *(f"hole {i}" for i in range(1, len(loops)))]
    size = math.dist(*profile.outer.box)
    if size < SMALLEST:
        return (f"the outer loop is {size:.3g} mm small",)
    found = [
        f"{name} encloses nothing" for name, loop in zip(names, loops, strict=True) if loop.area <= 1e-9 * size
    ]
    met = sorted({(a, b) for a, b, crosses in _contacts(loops, 1e-6 * size) if crosses or touching})
    for a, b in met:
        verb = "crosses or touches" if touching else "crosses"
        found.append(f"{names[a]} {verb} {'itself' if a == b else names[b]}")
    joined = {pair for pair in met if pair[0] != pair[1]}
    for place, hole in enumerate(profile.holes, 1):
        if (0, place) not in joined and not within(hole, profile.outer):
            found.append(f"{names[place]} lies outside the outer loop")
    if touching:
        for (i, first), (j, second) in combinations(enumerate(profile.holes, 1), 2):
            if (i, j) not in joined and (within(first, second) or within(second, first)):
                found.append(f"{names[j]} and {names[i]} overlap")
    return tuple(found)


def _contacts(loops: tuple[Loop, ...], tolerance: float) -> Iterator[tuple[int, int, bool]]:
    """Pairs of loops that meet elsewhere than at the joints of neighbours; True where curves truly cross."""
    items = []
    for number, loop in enumerate(loops):
        count = len(loop.curves)
        for place, curve in enumerate(loop.curves):
            (x0, x1), (y0, y1) = reach(curve, (1.0, 0.0)), reach(curve, (0.0, 1.0))
            items.append(
                (x0 - tolerance, x1 + tolerance, y0 - tolerance, y1 + tolerance, number, place, count, curve)
            )
    items.sort(key=lambda item: item[0])
    seen: set[tuple[int, int, bool]] = set()
    active: list[tuple[Any, ...]] = []
    pairs = 0
    for item in items:
        active = [other for other in active if other[1] >= item[0]]
        for other in active:
            if other[3] < item[2] or item[3] < other[2]:
                continue
            pairs += 1
            if pairs > MAX_PAIRS:
                return
            joints = _joints(item, other)
            for crosses in _meetings(item[7], other[7], joints, tolerance):
                key = (min(item[4], other[4]), max(item[4], other[4]), crosses)
                if key not in seen:
                    seen.add(key)
                    yield key
        active.append(item)


def _joints(a: tuple[Any, ...], b: tuple[Any, ...]) -> list[Vec2]:
    """The points that neighbours in one loop share by right."""
    if a[4] != b[4]:
        return []
    points = []
    if (a[5] + 1) % a[6] == b[5]:
        points.append(b[7].start)
    if (b[5] + 1) % b[6] == a[5]:
        points.append(a[7].start)
    return points


def _meetings(a: Curve, b: Curve, joints: list[Vec2], tolerance: float) -> Iterator[bool]:
    for point, transversal in _intersections(a, b, tolerance):
        if any(math.dist(point, joint) <= 10 * tolerance for joint in joints):
            continue
        if not (_on(a, point, tolerance) and _on(b, point, tolerance)):
            continue
        interior = all(
            math.dist(point, end) > 10 * tolerance
            for curve in (a, b)
            if not isinstance(curve, Circle)
            for end in (curve.start, curve.end)
        )
        yield transversal and interior


def _intersections(a: Curve, b: Curve, tolerance: float) -> Iterator[tuple[Vec2, bool]]:
    """Points where the curves' lines or circles meet, and whether they cross there at an angle."""
    circle_a, circle_b = _circle(a), _circle(b)
    if circle_a is None and circle_b is None:
        yield from _lines(a, b, tolerance)
    elif circle_a is not None and circle_b is not None:
        yield from _circles(circle_a, circle_b, a, b, tolerance)
    else:
        line, circle = (a, circle_b) if circle_a is None else (b, circle_a)
        assert circle is not None and not isinstance(line, Circle)
        yield from _line_circle(line.start, line.end, circle, tolerance)


def _circle(curve: Curve) -> tuple[Vec2, float] | None:
    if isinstance(curve, Circle):
        return curve.center, curve.radius
    return curve.circle if isinstance(curve, Arc) else None


def _lines(a: Curve, b: Curve, tolerance: float) -> Iterator[tuple[Vec2, bool]]:
    assert not isinstance(a, Circle) and not isinstance(b, Circle)
    (px, py), (qx, qy) = a.start, b.start
    rx, ry, sx, sy = a.end[0] - px, a.end[1] - py, b.end[0] - qx, b.end[1] - qy
    cross = rx * sy - ry * sx
    lengths = math.hypot(rx, ry) * math.hypot(sx, sy)
    if abs(cross) > 1e-9 * lengths:
        t = ((qx - px) * sy - (qy - py) * sx) / cross
        yield (px + t * rx, py + t * ry), abs(cross) > 1e-6 * lengths
        return
    if abs((qx - px) * ry - (qy - py) * rx) > tolerance * math.hypot(rx, ry):
        return
    for end in (a.start, a.end, b.start, b.end):
        yield end, False
    length = rx * rx + ry * ry
    if length == 0:
        return
    ends = sorted(((p[0] - px) * rx + (p[1] - py) * ry) / length for p in (b.start, b.end))
    low, high = max(0.0, ends[0]), min(1.0, ends[1])
    if (high - low) * math.sqrt(length) > 10 * tolerance:
        middle = (low + high) / 2
        yield (px + middle * rx, py + middle * ry), True


def _line_circle(
    start: Vec2, end: Vec2, circle: tuple[Vec2, float], tolerance: float
) -> Iterator[tuple[Vec2, bool]]:
    (cx, cy), radius = circle
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    dx, dy = dx / length, dy / length
    along = (cx - start[0]) * dx + (cy - start[1]) * dy
    foot = (start[0] + along * dx, start[1] + along * dy)
    half = radius * radius - math.dist(foot, (cx, cy)) ** 2
    if half < -2 * radius * tolerance:
        return
    reach_ = math.sqrt(max(half, 0.0))
    crosses = reach_ > 1e-3 * radius
    for sign in (-1, 1):
        yield (foot[0] + sign * reach_ * dx, foot[1] + sign * reach_ * dy), crosses


def _circles(
    a: tuple[Vec2, float], b: tuple[Vec2, float], first: Curve, second: Curve, tolerance: float
) -> Iterator[tuple[Vec2, bool]]:
    ((ax, ay), ra), ((bx, by), rb) = a, b
    apart = math.hypot(bx - ax, by - ay)
    if apart <= tolerance and abs(ra - rb) <= tolerance:
        if isinstance(first, Circle) or isinstance(second, Circle):
            yield (ax + ra, ay), True
            return
        for end in (first.start, first.mid, first.end, second.start, second.mid, second.end):  # type: ignore[union-attr]
            yield end, True
        return
    if apart > ra + rb + tolerance or apart < abs(ra - rb) - tolerance or apart == 0:
        return
    along = (apart * apart + ra * ra - rb * rb) / (2 * apart)
    height = math.sqrt(max(ra * ra - along * along, 0.0))
    ux, uy = (bx - ax) / apart, (by - ay) / apart
    crosses = height > 1e-3 * min(ra, rb)
    for sign in (-1, 1):
        yield (ax + along * ux - sign * height * uy, ay + along * uy + sign * height * ux), crosses


def _on(curve: Curve, point: Vec2, tolerance: float) -> bool:
    """True where a point of the curve's line or circle lies on the curve itself."""
    if isinstance(curve, Circle):
        return abs(math.dist(point, curve.center) - curve.radius) <= 2 * tolerance
    if math.dist(point, curve.start) <= 2 * tolerance or math.dist(point, curve.end) <= 2 * tolerance:
        return True
    circle = curve.circle if isinstance(curve, Arc) else None
    if circle is None:
        (ax, ay), (bx, by) = curve.start, curve.end
        length = math.dist(curve.start, curve.end)
        along = ((point[0] - ax) * (bx - ax) + (point[1] - ay) * (by - ay)) / length
        return -2 * tolerance <= along <= length + 2 * tolerance
    assert isinstance(curve, Arc)
    (cx, cy), radius = circle
    first = math.atan2(curve.start[1] - cy, curve.start[0] - cx)
    angle = math.atan2(point[1] - cy, point[0] - cx)
    turn = (angle - first) % math.tau if curve.sweep > 0 else (first - angle) % math.tau
    return abs(math.dist(point, (cx, cy)) - radius) <= 2 * tolerance and turn <= abs(curve.sweep)
