"""The objects of build123d that are read, each with its parameters and what it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.arguments import Arguments
from redraft.tasks.cad.dialects.bodies import Body, compose, exact_plane, prism
from redraft.tasks.cad.dialects.chain import chain
from redraft.tasks.cad.dialects.flats import Flat
from redraft.tasks.cad.dialects.limits import MAX_COPIES
from redraft.tasks.cad.dialects.planes import WORLD
from redraft.tasks.cad.dialects.shapes import centred_rectangle, polygon_loop, rectangle, regular_polygon, slot
from redraft.tasks.cad.program.types import Arc, Circle, Curve, Extent, Line, Loop, Plane, Profile, Sketch, Vec2


class Mode(Enum):
    ADD = "ADD"
    SUBTRACT = "SUBTRACT"
    INTERSECT = "INTERSECT"
    PRIVATE = "PRIVATE"


MODES = {mode.value: mode for mode in Mode}


@dataclass(frozen=True, slots=True)
class Namespace:
    """A member of an enumeration that is only handed on, such as Align.MIN."""

    owner: str
    name: str


@dataclass(frozen=True, slots=True)
class Edges:
    """Curves that may become the outline of a face."""

    curves: tuple[Curve, ...]


def faces_of(edges: Any) -> Flat:
    """make_face: the face of a closed chain of curves."""
    curves: list[Curve] = []
    for part in edges if isinstance(edges, tuple) else (edges,):
        if not isinstance(part, Edges):
            raise Refusal(
                "make_face() of something else", remedy="Draw a closed outline before it", code="refused"
            )
        curves += part.curves
    if not curves:
        raise Refusal("make_face() without an outline", remedy="Draw a closed outline before it")
    return Flat((Profile(chain(curves)),))


def prisms(flats: Sequence[Flat], amount: float, both: bool) -> Body:
    """extrude: every face by an amount along its plane's normal."""
    extent = Extent.SYMMETRIC if both else Extent.ONE
    return prism(tuple(flat.sketch() for flat in flats), extent, amount)


def plane_call(a: Arguments) -> Plane:
    """Plane(origin, x_dir, z_dir)."""
    origin = a.values.get("origin", (0.0, 0.0, 0.0))
    if isinstance(origin, Plane):
        return origin
    if a.values.get("x_dir") is None:
        raise Refusal("a plane without x_dir", remedy="Write Plane(origin, x_dir, z_dir)", code="refused")
    x_dir = a.point("x_dir", 3)
    z_dir = a.point("z_dir", 3) if "z_dir" in a.values else WORLD.normal
    return exact_plane(a.point("origin", 3) if "origin" in a.values else origin, z_dir, x_dir)


def location(a: Arguments) -> Plane:
    """Pos(x, y, z) or Location((x, y, z)): a frame that is shifted and not turned."""
    first = a.values.get("X", 0.0)
    if isinstance(first, tuple):
        if set(a.values) != {"X"}:
            raise Refusal("a location with a rotation", remedy="Use a Plane instead", code="refused")
        return _shifted(first)
    return _shifted((a.number("X", 0), a.number("Y", 0), a.number("Z", 0)))


def _shifted(values: tuple[Any, ...]) -> Plane:
    if not 2 <= len(values) <= 3 or any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
        raise Refusal("a place that is no point", remedy="Write (x, y) or (x, y, z)", code="refused")
    x, y, z = (*(float(v) for v in values), 0.0)[:3]
    return Plane((x, y, z))


def frames(found: Sequence[Plane], around: Sequence[Plane]) -> tuple[Plane, ...]:
    """Places inside places: every one at every one."""
    if len(found) * len(around) > MAX_COPIES:
        raise Refusal(f"{len(found) * len(around)} copies", remedy=f"Use up to {MAX_COPIES}", code="limit")
    if not found:
        raise Refusal("a pattern without places", remedy="Give it places")
    return tuple(compose(outer, inner) for outer in around for inner in found)


def _locations(a: Arguments) -> list[Plane]:
    places = a.values["places"]
    if len(places) == 1 and isinstance(places[0], tuple) and places[0] and isinstance(places[0][0], tuple):
        places = places[0]
    if len(places) > MAX_COPIES:
        raise Refusal(f"{len(places)} copies", remedy=f"Use up to {MAX_COPIES}", code="limit")
    return [place if isinstance(place, Plane) else _shifted(_as_tuple(place)) for place in places]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        raise Refusal("a place that is no point", remedy="Write (x, y) or (x, y, z)", code="refused")
    return value


def _grid(a: Arguments) -> list[Plane]:
    nx, ny, dx, dy = a.count("x_count"), a.count("y_count"), a.number("x_spacing"), a.number("y_spacing")
    if nx * ny > MAX_COPIES:
        raise Refusal(f"{nx * ny} copies", remedy=f"Use up to {MAX_COPIES}", code="limit")
    sx, sy = (nx - 1) * dx / 2, (ny - 1) * dy / 2
    return [Plane((i * dx - sx, j * dy - sy, 0.0)) for i in range(nx) for j in range(ny)]


PATTERNS: dict[str, tuple[str, Callable[[Arguments], list[Plane]]]] = {
    "Locations": ("", _locations),
    "GridLocations": ("x_spacing y_spacing x_count y_count", _grid),
}


def _shift(a: Arguments, sizes: Sequence[float]) -> tuple[float, ...]:
    """How far align moves an object from centred: half a side up for MIN, down for MAX."""
    align = a.values.get("align")
    members = align if isinstance(align, tuple) else (align,) * len(sizes)
    if len(members) != len(sizes):
        raise Refusal("align of another length", remedy="Give one Align a direction", code="refused")
    signs = {"MIN": 0.5, "CENTER": 0.0, "MAX": -0.5}
    shifts = []
    for member, size in zip(members, sizes, strict=True):
        name = "CENTER" if member is None else member.name if isinstance(member, Namespace) else ""
        if name not in signs:
            raise Refusal("an align unknown", remedy="Use Align.MIN, Align.CENTER or Align.MAX", code="refused")
        shifts.append(signs[name] * size)
    return tuple(shifts)


def _flat(loop: Loop) -> Flat:
    return Flat((Profile(loop),))


def _aligned(width: float, height: float, a: Arguments) -> Loop:
    x, y = _shift(a, (width, height))
    if (x, y) == (0.0, 0.0):
        return centred_rectangle(width, height, (0.0, 0.0))
    return rectangle(width, height, (x - width / 2, y - height / 2))


def _rectangle(a: Arguments) -> Flat:
    a.never("rotation")
    return _flat(_aligned(a.number("width"), a.number("height"), a))


def _circle(a: Arguments) -> Flat:
    radius = a.number("radius")
    x, y = _shift(a, (2 * radius, 2 * radius))
    return _flat(Loop((Circle((x, y), radius),)))


def _slot_overall(a: Arguments) -> Flat:
    return _flat(slot(a.number("width"), a.number("height"), (0.0, 0.0), a.number("rotation", 0)))


def _slot_centers(a: Arguments) -> Flat:
    height = a.number("height")
    return _flat(slot(a.number("center_separation") + height, height, (0.0, 0.0), a.number("rotation", 0)))


def _regular(a: Arguments) -> Flat:
    if not a.flag("major_radius", True):
        raise Refusal("a polygon by its inner radius", remedy="Give its outer radius", code="refused")
    turn = a.number("rotation", 0)
    return _flat(regular_polygon(a.count("side_count"), a.number("radius"), (0.0, 0.0), turn))


def _polygon(a: Arguments) -> Flat:
    return _flat(polygon_loop(_points(a)))


def _points(a: Arguments) -> list[Vec2]:
    points = a.values["pts"]
    if len(points) == 1 and isinstance(points[0], tuple) and points[0] and isinstance(points[0][0], tuple):
        points = points[0]
    return [Arguments({"point": point}).point("point") for point in points]


def _polyline(a: Arguments) -> Edges:
    points = _points(a)
    if a.flag("close") and points and points[0] != points[-1]:
        points.append(points[0])
    if len(points) < 2:
        raise Refusal("a line of fewer than two points", remedy="Give it more")
    return Edges(tuple(Line(p, q) for p, q in pairwise(points)))


def _arc(a: Arguments) -> Edges:
    points = _points(a)
    if len(points) != 3:
        raise Refusal(f"an arc through {len(points)} points", remedy="Give it three")
    return Edges((Arc(points[0], points[1], points[2]),))


def _upright(loop: Loop, height: float, shift: float) -> Body:
    """A prism along z, centred but for a shift."""
    if height <= 0:
        raise Refusal(f"a height of {height:g} mm", remedy="Give one above 0")
    if shift == 0:
        return prism((Sketch(WORLD, (Profile(loop),)),), Extent.SYMMETRIC, height / 2)
    return prism((Sketch(Plane((0.0, 0.0, shift - height / 2)), (Profile(loop),)),), Extent.ONE, height)


def _box(a: Arguments) -> Body:
    a.never("rotation")
    length, width, height = a.number("length"), a.number("width"), a.number("height")
    x, y, z = _shift(a, (length, width, height))
    flat = (
        centred_rectangle(length, width, (0.0, 0.0))
        if (x, y) == (0.0, 0.0)
        else rectangle(length, width, (x - length / 2, y - width / 2))
    )
    return _upright(flat, height, z)


def _cylinder(a: Arguments) -> Body:
    a.never("rotation")
    radius, height = a.number("radius"), a.number("height")
    x, y, z = _shift(a, (2 * radius, 2 * radius, height))
    return _upright(Loop((Circle((x, y), radius),)), height, z)


OBJECTS: dict[str, tuple[str, Callable[[Arguments], Body | Flat | Edges]]] = {
    "Line": ("*", _polyline),
    "Polyline": ("*", _polyline),
    "ThreePointArc": ("*", _arc),
    "Polygon": ("*", _polygon),
    "Circle": ("radius align?", _circle),
    "Rectangle": ("width height rotation? align?", _rectangle),
    "SlotOverall": ("width height rotation?", _slot_overall),
    "SlotCenterToCenter": ("center_separation height rotation?", _slot_centers),
    "RegularPolygon": ("radius side_count major_radius? rotation?", _regular),
    "Box": ("length width height rotation? align?", _box),
    "Cylinder": ("radius height rotation? align?", _cylinder),
}
"""Name to its parameters ("*": points) and what it makes at the origin."""

_PLAIN = "The typed program has no such feature: leave it out, or model it by extrusions"
REMEDIES = {
    **dict.fromkeys(
        ("fillet", "chamfer", "revolve", "loft", "sweep", "offset", "mirror", "split", "Sphere"), _PLAIN
    ),
    **dict.fromkeys(("Hole", "CounterBoreHole", "CounterSinkHole"), "Cut an extruded Circle instead"),
    **dict.fromkeys(("Rot", "Rotation"), "Give the sketch its plane: Plane(origin, x_dir, z_dir)"),
    "PolarLocations": "Write the places out: Locations((x, y), ...)",
    "Spline": "Use lines and ThreePointArc",
    "RadiusArc": "Use ThreePointArc",
    "CenterArc": "Use ThreePointArc",
    "TangentArc": "Use ThreePointArc",
    "JernArc": "Use ThreePointArc",
}
