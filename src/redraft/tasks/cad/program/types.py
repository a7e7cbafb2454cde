"""The typed program: extrusions of sketches, in millimetres.

A program is a sequence of extrusions, each of closed profiles of lines, arcs and circles on a plane, each joined
to, cut from or intersected with the body so far. It is the language of DeepCAD's histories (arXiv 2105.09492),
without their traps: loops are chained head to tail, the outer loop is known, an arc is three points.

Constructors check what can be checked without a geometry kernel (finite numbers, closed loops, sane sizes); a
value that fails is a `Refusal`. Whether a solid results is the kernel's to say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from redraft.core.errors import Refusal

Vec2 = tuple[float, float]
Vec3 = tuple[float, float, float]

MAX_COORDINATE = 100_000.0
"""Millimetres. 100 m: beyond it the kernel's tolerance of 1e-7 mm means nothing in double precision."""
CLOSED = 1e-4
"""Millimetres between the end of one curve and the start of the next that still count as touching; relative to
the loop's size above 10 mm (1e-5 of it). Real histories carry 8 decimals of a metre, OpenECAD texts 4 of a mm."""
MAX_EXTRUSIONS = 1_000
MAX_CURVES = 20_000
"""Caps against texts made to exhaust the machine; the longest real history seen has under 100 extrusions."""


class Operation(StrEnum):
    """How an extrusion meets the body so far. A new body after the first is fused, as every reader does."""

    NEW = "new"
    JOIN = "join"
    CUT = "cut"
    INTERSECT = "intersect"


class Extent(StrEnum):
    """ONE: from the plane by `one` along its normal (negative: against it). SYMMETRIC: by `one` to both sides.
    TWO: the union of the prism by `one` along the normal and the prism by `two` against it."""

    ONE = "one"
    SYMMETRIC = "symmetric"
    TWO = "two"


def _number(value: float, name: str) -> float:
    if not math.isfinite(value):
        raise Refusal(f"{name} is not a finite number", remedy="Give a number in millimetres", code="parse")
    if abs(value) > MAX_COORDINATE:
        raise Refusal(
            f"{name} is {value:g} mm, beyond {MAX_COORDINATE:g} mm",
            remedy="Check the unit: programs are in millimetres, DeepCAD JSON in metres",
            code="limit",
        )
    return value


def _points(name: str, *points: tuple[float, ...]) -> None:
    for point in points:
        for value in point:
            _number(value, name)


@dataclass(frozen=True, slots=True)
class Line:
    start: Vec2
    end: Vec2

    def __post_init__(self) -> None:
        _points("a line's point", self.start, self.end)
        if math.dist(self.start, self.end) == 0:
            raise Refusal(f"a line from {self.start} to itself has no length", remedy="Remove it")


@dataclass(frozen=True, slots=True)
class Arc:
    """The circular arc from start to end through mid, any point between them (the middle when written here)."""

    start: Vec2
    mid: Vec2
    end: Vec2

    def __post_init__(self) -> None:
        _points("an arc's point", self.start, self.mid, self.end)
        if self.start == self.end:
            raise Refusal("an arc that ends where it starts is a circle", remedy="Write a circle")
        if min(math.dist(self.start, self.mid), math.dist(self.mid, self.end)) == 0:
            raise Refusal("an arc's middle lies on one of its ends", remedy="Give three different points")

    @property
    def circle(self) -> tuple[Vec2, float] | None:
        """Centre and radius, or None where the three points lie on a line."""
        (ax, ay), (bx, by), (cx, cy) = self.start, self.mid, self.end
        bx, by, cx, cy = bx - ax, by - ay, cx - ax, cy - ay
        d = 2 * (bx * cy - by * cx)
        if abs(d) <= 1e-12 * (math.hypot(bx, by) * math.hypot(cx, cy)):
            return None
        b2, c2 = bx * bx + by * by, cx * cx + cy * cy
        x, y = (cy * b2 - by * c2) / d, (bx * c2 - cx * b2) / d
        return (ax + x, ay + y), math.hypot(x, y)

    @property
    def sweep(self) -> float:
        """The signed angle from start to end in radians, counter-clockwise positive; 0 where it is straight."""
        circle = self.circle
        if circle is None:
            return 0.0
        (x, y), _ = circle
        first = math.atan2(self.start[1] - y, self.start[0] - x)
        turn = (math.atan2(self.end[1] - y, self.end[0] - x) - first) % math.tau
        middle = (math.atan2(self.mid[1] - y, self.mid[0] - x) - first) % math.tau
        return turn if middle < turn else turn - math.tau


@dataclass(frozen=True, slots=True)
class Circle:
    center: Vec2
    radius: float

    def __post_init__(self) -> None:
        _points("a circle's centre", self.center)
        if _number(self.radius, "a radius") <= 0:
            raise Refusal(f"a radius of {self.radius:g} mm is not positive", remedy="Give a radius above 0")


Curve = Line | Arc | Circle


@dataclass(frozen=True, slots=True)
class Loop:
    """A closed chain of lines and arcs head to tail, or one circle."""

    curves: tuple[Curve, ...]

    def __post_init__(self) -> None:
        if not self.curves:
            raise Refusal("a loop is empty", remedy="Give it curves, or remove it")
        if any(isinstance(curve, Circle) for curve in self.curves):
            if len(self.curves) > 1:
                raise Refusal("a circle shares a loop with other curves", remedy="Give the circle its own loop")
            return
        if len(self.curves) == 1:
            raise Refusal("a loop of one open curve does not close", remedy="Close it")
        low, high = self.box
        gap = max(CLOSED, 1e-5 * math.dist(low, high))
        for before, after in zip(self.curves, self.curves[1:] + self.curves[:1], strict=True):
            assert not isinstance(before, Circle) and not isinstance(after, Circle)
            if math.dist(before.end, after.start) > gap:
                raise Refusal(
                    f"a loop is open: a curve ends at {_show(before.end)}, the next starts at "
                    f"{_show(after.start)}",
                    remedy="Join the curves head to tail",
                )

    @property
    def box(self) -> tuple[Vec2, Vec2]:
        """Lower and upper corner of a box around the loop's points (arcs by their three points)."""
        points: list[Vec2] = []
        for curve in self.curves:
            if isinstance(curve, Circle):
                (x, y), r = curve.center, curve.radius
                points += [(x - r, y - r), (x + r, y + r)]
            else:
                points += [curve.start, curve.end]
                if isinstance(curve, Arc):
                    points.append(curve.mid)
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        return (min(xs), min(ys)), (max(xs), max(ys))

    @property
    def area(self) -> float:
        """The enclosed area in mm2, always positive (shoelace formula plus circle segments)."""
        total = 0.0
        for curve in self.curves:
            if isinstance(curve, Circle):
                return math.pi * curve.radius**2
            (ax, ay), (bx, by) = curve.start, curve.end
            total += (ax * by - bx * ay) / 2
            if isinstance(curve, Arc) and (circle := curve.circle) is not None:
                sweep = curve.sweep
                total += circle[1] ** 2 * (sweep - math.sin(sweep)) / 2
        return abs(total)


@dataclass(frozen=True, slots=True)
class Profile:
    """A face: the region inside outer and outside of every hole."""

    outer: Loop
    holes: tuple[Loop, ...] = ()


@dataclass(frozen=True, slots=True)
class Plane:
    """A sketch plane: point (u, v) of a sketch is origin + u * x_axis + v * y_axis. Axes are unit vectors."""

    origin: Vec3
    normal: Vec3 = (0.0, 0.0, 1.0)
    x_axis: Vec3 = (1.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        _points("a plane's origin", self.origin)
        _points("a plane's axis", self.normal, self.x_axis)
        for name, axis in (("normal", self.normal), ("x axis", self.x_axis)):
            if abs(math.hypot(*axis) - 1) > 1e-6:
                raise Refusal(f"a plane's {name} {_show(axis)} is not of length 1", remedy="Normalise it")
        if abs(sum(a * b for a, b in zip(self.normal, self.x_axis, strict=True))) > 1e-6:
            raise Refusal("a plane's x axis is not perpendicular to its normal", remedy="Make it so")

    @property
    def y_axis(self) -> Vec3:
        (a, b, c), (x, y, z) = self.normal, self.x_axis
        return (b * z - c * y, c * x - a * z, a * y - b * x)

    def point(self, uv: Vec2) -> Vec3:
        """The point in space of a sketch point."""
        (ox, oy, oz), (ax, ay, az), (bx, by, bz) = self.origin, self.x_axis, self.y_axis
        u, v = uv
        return (ox + u * ax + v * bx, oy + u * ay + v * by, oz + u * az + v * bz)


def plane(origin: Vec3, normal: Vec3, x_axis: Vec3) -> Plane:
    """A plane from axes of any length that are nearly perpendicular (4 decimals): they are made exact.

    The normal is kept, the x axis gives way. Axes that are zero or parallel are refused.
    """
    _points("a plane's axis", normal, x_axis)
    length = math.hypot(*normal)
    if length == 0:
        raise Refusal("a plane's normal has no length", remedy="Give a direction")
    n = (normal[0] / length, normal[1] / length, normal[2] / length)
    along = sum(a * b for a, b in zip(n, x_axis, strict=True))
    x = (x_axis[0] - along * n[0], x_axis[1] - along * n[1], x_axis[2] - along * n[2])
    length = math.hypot(*x)
    if length < 1e-6 * max(math.hypot(*x_axis), 1e-300):
        raise Refusal("a plane's x axis is parallel to its normal", remedy="Give another x axis")
    return Plane(origin, n, (x[0] / length, x[1] / length, x[2] / length))


@dataclass(frozen=True, slots=True)
class Sketch:
    """Profiles on one plane."""

    plane: Plane
    profiles: tuple[Profile, ...]

    def __post_init__(self) -> None:
        if not self.profiles:
            raise Refusal("a sketch has no profile", remedy="Give it a closed loop, or remove it")


@dataclass(frozen=True, slots=True)
class Extrude:
    """The prisms of all profiles of its sketches, united, then applied to the body by the operation.

    one, two: distances in mm as `Extent` defines them; they may be negative, two is 0 unless the extent is TWO.
    """

    sketches: tuple[Sketch, ...]
    operation: Operation
    extent: Extent
    one: float
    two: float = 0.0

    def __post_init__(self) -> None:
        if not self.sketches:
            raise Refusal("an extrusion has no sketch", remedy="Give it one, or remove it")
        _number(self.one, "an extrusion's distance")
        _number(self.two, "an extrusion's second distance")
        if self.one == 0 and (self.two == 0 or self.extent is not Extent.TWO):
            raise Refusal("an extrusion has no height", remedy="Give a distance other than 0")


@dataclass(frozen=True, slots=True)
class Program:
    """The history of one part, in millimetres. The first extrusion makes the body."""

    steps: tuple[Extrude, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise Refusal("a program has no extrusion", remedy="Give it at least one", code="empty")
        if len(self.steps) > MAX_EXTRUSIONS:
            raise Refusal(
                f"a program has {len(self.steps)} extrusions, beyond {MAX_EXTRUSIONS}",
                remedy="Split the part",
                code="limit",
            )
        if self.steps[0].operation in (Operation.CUT, Operation.INTERSECT):
            raise Refusal(
                f"the first extrusion's operation is {self.steps[0].operation}, with no body yet",
                remedy="Start with a new body",
            )
        if sum(1 for _ in self.curves()) > MAX_CURVES:
            raise Refusal(f"a program has more than {MAX_CURVES} curves", remedy="Simplify the part", code="limit")

    def curves(self) -> list[Curve]:
        """All curves in order."""
        return [
            curve
            for step in self.steps
            for sketch in step.sketches
            for profile in sketch.profiles
            for loop in (profile.outer, *profile.holes)
            for curve in loop.curves
        ]


def _show(point: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in point) + ")"
