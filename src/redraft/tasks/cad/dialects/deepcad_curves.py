"""The curves of a DeepCAD JSON: lines, circles, and arcs that are checked against their own end points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.limits import located
from redraft.tasks.cad.program.types import CLOSED, Arc, Circle, Curve, Line, Vec2

FLAT = 1e-3
"""Millimetres by which a sketch-local point may leave its plane."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a curve stands in the document, and the list that takes notes about it."""

    path: str
    notes: list[str]

    def note(self, text: str) -> None:
        self.notes.append(f"{self.path}: {text}")


def read_curve(data: Mapping[str, Any], place: Place) -> Curve | None:
    """A curve in sketch coordinates (mm), or None for one without length, which is noted."""
    kind = data.get("type")
    with located(place.path):
        if kind == "Line3D":
            start, end = _point(data, "start_point"), _point(data, "end_point")
            if start == end:
                place.note("a line without length, left out")
                return None
            return Line(start, end)
        if kind == "Circle3D":
            return Circle(_point(data, "center_point"), _length(data, "radius"))
        if kind == "Arc3D":
            return _arc(data, place)
        raise Refusal(f"a curve of type {kind!r}", remedy="Curves are Line3D, Arc3D and Circle3D", code="refused")


def _arc(data: Mapping[str, Any], place: Place) -> Curve | None:
    """The arc from start to end as its centre, radius, reference and sweep describe it.

    They are believed where they meet the end points. Where they do not, the end points are: the arc keeps the
    sweep's size, and its side where that can be told. An arc that no circle can carry is refused.
    """
    start, end, center = _point(data, "start_point"), _point(data, "end_point"), _point(data, "center_point")
    radius, sweep = _length(data, "radius"), _number(data, "end_angle") - _number(data, "start_angle", 0.0)
    if radius <= 0:
        raise Refusal(f"an arc with a radius of {radius:g} mm", remedy="Give a radius above 0")
    tolerance = max(CLOSED, 1e-5 * radius)
    if math.dist(start, end) <= tolerance:
        if abs(sweep) > math.pi:
            place.note("an arc that closes, read as a circle")
            return Circle(center, radius)
        place.note("an arc without length, left out")
        return None
    reference = _reference(data)
    if reference is not None:
        first = math.atan2(reference[1], reference[0]) + _number(data, "start_angle", 0.0)
        for turn in (sweep, -sweep):
            ends = _on(center, radius, first), _on(center, radius, first + turn)
            if (math.dist(ends[0], start) <= tolerance and math.dist(ends[1], end) <= tolerance) or (
                math.dist(ends[0], end) <= tolerance and math.dist(ends[1], start) <= tolerance
            ):
                if turn != sweep:
                    place.note("an arc whose sweep runs the other way, turned")
                return _made(start, _on(center, radius, first + turn / 2), end)
    flipped = reference is not None and _nearer(reference, end, start, center)
    if flipped:
        start, end = end, start
    return _repaired(start, end, center, sweep, tolerance, place)


def _repaired(start: Vec2, end: Vec2, center: Vec2, sweep: float, tolerance: float, place: Place) -> Arc:
    radii = math.dist(start, center), math.dist(end, center)
    if abs(radii[0] - radii[1]) > 10 * tolerance or min(radii) == 0:
        raise Refusal(
            f"an arc whose ends lie {radii[0]:.6g} and {radii[1]:.6g} mm from its centre",
            remedy="Correct its end points or its centre",
            code="refused",
        )
    first = math.atan2(start[1] - center[1], start[0] - center[0])
    turn = (math.atan2(end[1] - center[1], end[0] - center[0]) - first) % math.tau
    turn, miss = min(
        ((option, abs(abs(option) - abs(sweep))) for option in (turn, turn - math.tau)), key=lambda pair: pair[1]
    )
    if miss > 0.1:
        raise Refusal(
            f"an arc whose sweep of {math.degrees(sweep):.3g} degrees does not lead from its start to its end",
            remedy="Correct its end_angle or its end points",
            code="refused",
        )
    place.note("an arc that misses its end points, drawn through them about its centre")
    mid = _on(center, (radii[0] + radii[1]) / 2, first + turn / 2)
    return _made(start, mid, end)


def _nearer(reference: Vec2, a: Vec2, b: Vec2, center: Vec2) -> bool:
    """True where the reference direction points rather at a than at b."""

    def along(point: Vec2) -> float:
        x, y = point[0] - center[0], point[1] - center[1]
        return (reference[0] * x + reference[1] * y) / (math.hypot(x, y) or 1.0)

    return along(a) > along(b) + 1e-9


def _made(start: Vec2, mid: Vec2, end: Vec2) -> Arc:
    return Arc(start, (round(mid[0], 9) + 0.0, round(mid[1], 9) + 0.0), end)


def _on(center: Vec2, radius: float, angle: float) -> Vec2:
    return (center[0] + radius * math.cos(angle), center[1] + radius * math.sin(angle))


def _reference(data: Mapping[str, Any]) -> Vec2 | None:
    vector = data.get("reference_vector")
    if not isinstance(vector, dict):
        return None
    x, y = _number(vector, "x"), _number(vector, "y")
    return (x, y) if math.hypot(x, y) > 1e-9 else None


def _point(data: Mapping[str, Any], key: str) -> Vec2:
    point = data.get(key)
    if not isinstance(point, dict):
        raise Refusal(f"no point at '{key}'", remedy="Give x, y and z in metres")
    if abs(_number(point, "z", 0.0)) * 1000 > FLAT:
        raise Refusal(f"'{key}' lies off its sketch plane", remedy="Give sketch-local points", code="refused")
    return (_length(point, "x"), _length(point, "y"))


def _length(data: Mapping[str, Any], key: str) -> float:
    return round(_number(data, key) * 1000.0, 9) + 0.0


def _number(data: Mapping[str, Any], key: str, default: float | None = None) -> float:
    value = data.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(f"no number at '{key}'", remedy="Give a number in metres or radians")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refusal(f"the number at '{key}' is not finite", remedy="Give a finite number")
    return number
