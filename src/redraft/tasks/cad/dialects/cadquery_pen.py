"""A CadQuery workplane as it is drawn on: where the pen is, which wires wait, which body it stands in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.bodies import Body, cut, intersect, prism, union
from redraft.tasks.cad.dialects.limits import MAX_COPIES
from redraft.tasks.cad.program.nesting import profiles_of, within
from redraft.tasks.cad.program.transform import bounding_box, translate
from redraft.tasks.cad.program.types import Arc, Circle, Curve, Extent, Line, Loop, Plane, Profile, Sketch, Vec2

CLOSES = 1e-6
"""Millimetres below which CadQuery's close() draws no line."""


@dataclass(frozen=True, slots=True)
class Pen:
    """plane: the workplane. points: where ready-made shapes go, None where that is a centre of mass.

    at: the pen, in the workplane's coordinates. path: open curves. wires: closed loops waiting for extrude.
    """

    plane: Plane
    points: tuple[Vec2, ...] | None = ((0.0, 0.0),)
    at: Vec2 = (0.0, 0.0)
    path: tuple[Curve, ...] = ()
    wires: tuple[Loop, ...] = ()
    body: Body | None = None

    def move_to(self, x: float, y: float) -> Pen:
        self._no_path("moveTo")
        return replace(self, at=(x, y), points=((x, y),))

    def line_to(self, x: float, y: float) -> Pen:
        return self._drawn(Line(self.at, (x, y)))

    def arc_to(self, mid: Vec2, end: Vec2) -> Pen:
        return self._drawn(Arc(self.at, mid, end))

    def polyline(self, points: Sequence[Vec2], from_here: bool) -> Pen:
        if not points:
            raise Refusal("a polyline without points", remedy="Give it at least two")
        pen = self if from_here else replace(self, at=points[0])
        for point in points if from_here else points[1:]:
            pen = pen.line_to(*point)
        return pen

    def close(self) -> Pen:
        if not self.path:
            raise Refusal("close() without curves", remedy="Draw lines or arcs before it")
        first = self.path[0]
        assert not isinstance(first, Circle)
        pen = self
        if math.dist(self.at, first.start) >= CLOSES:
            pen = self.line_to(*first.start)
        loop = Loop(pen.path)
        return replace(pen, path=(), wires=(*pen.wires, loop), points=None, at=first.start)

    def stamp(self, shape: Callable[[Vec2], Loop], what: str) -> Pen:
        """A ready-made loop at every point of the stack."""
        places = self._places(what)
        return replace(self, wires=self.wires + tuple(shape(place) for place in places))

    def push(self, points: Sequence[Vec2]) -> Pen:
        self._no_path("pushPoints")
        if len(points) > MAX_COPIES:
            raise Refusal(f"{len(points)} copies", remedy=f"Use up to {MAX_COPIES}", code="limit")
        if not points:
            raise Refusal("a pattern without points", remedy="Give it points")
        return replace(self, points=tuple(points), at=points[-1])

    def center(self, x: float, y: float) -> Pen:
        if self.path or self.wires:
            raise Refusal("center() between curves", remedy="Move the centre before drawing", code="refused")
        (a, b, c), u, v = self.plane.origin, self.plane.x_axis, self.plane.y_axis
        origin = (a + x * u[0] + y * v[0], b + x * u[1] + y * v[1], c + x * u[2] + y * v[2])
        return replace(self, plane=replace(self.plane, origin=origin), points=((0.0, 0.0),), at=(0.0, 0.0))

    def offset(self, distance: float) -> Pen:
        """workplane(offset=...) on a plane that has nothing on it."""
        if self.path or self.wires or self.body is not None:
            raise Refusal(
                "workplane() on a face or a drawing",
                remedy="Name the plane: cq.Workplane(cq.Plane(origin=..., xDir=..., normal=...))",
                code="refused",
            )
        (a, b, c), n = self.plane.origin, self.plane.normal
        origin = (a + distance * n[0], b + distance * n[1], c + distance * n[2])
        return Pen(replace(self.plane, origin=origin))

    def faces(self) -> tuple[Profile, ...]:
        if self.path:
            raise Refusal("an outline that is not closed", remedy="End it with close()")
        if not self.wires:
            raise Refusal("an extrusion without a closed outline", remedy="Draw one, and close() it")
        found = profiles_of(self.wires)
        for island in found:
            if any(within(island.outer, hole) for other in found for hole in other.holes):
                raise Refusal(
                    "an outline inside a hole, which CadQuery takes for another hole",
                    remedy="Extrude it by itself, and unite the two",
                    code="refused",
                )
        return found

    def prism(self, distance: float, both: bool) -> Body:
        """The solid of the waiting wires."""
        return prism((Sketch(self.plane, self.faces()),), Extent.SYMMETRIC if both else Extent.ONE, distance)

    def holding(self, body: Body) -> Pen:
        """This plane with a body and nothing drawn."""
        return Pen(self.plane, points=None, body=body)

    def combined(self, tool: Body, how: str) -> Pen:
        """The tool joined to the body at hand, cut from it, or alone."""
        if self.body is None or how == "alone":
            if how == "cut":
                raise Refusal("a cut before there is a body", remedy="Extrude first", code="refused")
            return self.holding(tool)
        return self.holding(cut(self.body, tool) if how == "cut" else union(self.body, tool))

    def through_all(self) -> float:
        """A distance that surely passes the whole body from this plane, in whole mm."""
        if self.body is None:
            raise Refusal("cutThruAll() before there is a body", remedy="Extrude first", code="refused")
        low, high = bounding_box(self.body.program())
        corners = [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
        return math.ceil(max(math.dist(corner, self.plane.origin) for corner in corners)) + 1.0

    def boolean(self, name: str, other: Body | None) -> Pen:
        if other is None:
            raise Refusal(f"{name}() with something without a solid", remedy="Extrude it first")
        if self.body is None:
            if name == "union" and not self.wires and not self.path:
                return self.holding(other)
            raise Refusal(f"{name}() before there is a body", remedy="Extrude first", code="refused")
        return self.holding({"union": union, "cut": cut, "intersect": intersect}[name](self.body, other))

    def translated(self, x: float, y: float, z: float) -> Pen:
        if self.body is None:
            raise Refusal("translate() without a body", remedy="Extrude first", code="refused")
        moved = translate(self.body.program(), (x, y, z))
        return self.holding(replace(self.body, steps=moved.steps))

    def _drawn(self, curve: Line | Arc) -> Pen:
        return replace(self, path=(*self.path, curve), at=curve.end, points=(curve.end,))

    def _places(self, what: str) -> tuple[Vec2, ...]:
        self._no_path(what)
        if self.points is None:
            raise Refusal(
                f"{what} at the centre of an outline or a body",
                remedy=f"Say where: .moveTo(x, y).{what}",
                code="refused",
            )
        return self.points

    def _no_path(self, what: str) -> None:
        if self.path:
            raise Refusal(f"{what} before the outline is closed", remedy="close() it first", code="refused")
