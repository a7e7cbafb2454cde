"""The pieces that a projection yields: segments, conics, and curves of any form, in view coordinates (mm)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from redraft.tasks.cad.views.lines import Polyline

Point = tuple[float, float]
Segment = tuple[Point, Point]


@dataclass(frozen=True, slots=True)
class Conic:
    """The points centre + major cos t + minor sin t for first <= t <= last, in radians.

    major and minor are perpendicular and right-handed; major points into the right half plane, and along u for a
    circle: equal curves have equal fields.
    """

    center: Point
    major: Point
    minor: Point
    first: float
    last: float

    @property
    def radius(self) -> float:
        return math.hypot(*self.major)

    def point(self, t: float) -> Point:
        c, s = math.cos(t), math.sin(t)
        return (
            self.center[0] + self.major[0] * c + self.minor[0] * s,
            self.center[1] + self.major[1] * c + self.minor[1] * s,
        )


@dataclass(slots=True)
class Strokes:
    """The pieces of one view and one visibility."""

    segments: list[Segment] = field(default_factory=list)
    conics: list[Conic] = field(default_factory=list)
    curves: list[Polyline] = field(default_factory=list)

    def add_ellipse(self, center: Point, u: Point, v: Point, first: float, last: float, same: float) -> None:
        """Adds centre + u cos t + v sin t, first <= t <= last: how a circle in space projects along any direction.

        A circle seen from its side, flatter than same, becomes the segment it covers.
        """
        (ux, uy), (vx, vy) = u, v
        # The turn of t that makes the two conjugate radii perpendicular.
        turn = math.atan2(2 * (ux * vx + uy * vy), ux * ux + uy * uy - vx * vx - vy * vy) / 2
        c, s = math.cos(turn), math.sin(turn)
        major, minor = (ux * c + vx * s, uy * c + vy * s), (vx * c - ux * s, vy * c - uy * s)
        first, last = first - turn, last - turn
        long, short = math.hypot(*major), math.hypot(*minor)
        if short > long:
            major, minor, long, short = minor, (-major[0], -major[1]), short, long
            first, last = first - math.pi / 2, last - math.pi / 2
        if short < same:
            self.segments.append(_span_of_cosine(center, major, first, last))
            return
        if major[0] * minor[1] - major[1] * minor[0] < 0:
            first, last = -last, -first
        angle = math.atan2(major[1], major[0])
        if long - short < same:
            first, last, angle = first + angle, last + angle, 0.0
        elif not -math.pi / 2 < angle <= math.pi / 2:
            first, last, angle = first + math.pi, last + math.pi, angle - math.pi
        c, s = math.cos(angle), math.sin(angle)
        self.conics.append(Conic(center, (long * c, long * s), (-short * s, short * c), first, last))


def _span_of_cosine(center: Point, major: Point, first: float, last: float) -> Segment:
    """The segment that centre + major cos t runs over."""
    values = [math.cos(first), math.cos(last)]
    if math.floor(last / math.tau) >= math.ceil(first / math.tau):
        values.append(1.0)
    if math.floor((last - math.pi) / math.tau) >= math.ceil((first - math.pi) / math.tau):
        values.append(-1.0)
    low, high = min(values), max(values)
    return (
        (center[0] + major[0] * low, center[1] + major[1] * low),
        (center[0] + major[0] * high, center[1] + major[1] * high),
    )
