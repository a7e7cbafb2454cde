"""Loops of the ready-made shapes of CadQuery and build123d, in their own order of corners."""

from __future__ import annotations

import math

from redraft.core.errors import Refusal
from redraft.tasks.cad.program.types import Arc, Line, Loop, Vec2


def rectangle(width: float, height: float, corner: Vec2) -> Loop:
    """Counter-clockwise from its lower left corner, as both libraries draw it about a centre."""
    if width <= 0 or height <= 0:
        raise Refusal(f"a rectangle of {width:g} by {height:g} mm", remedy="Give sides above 0")
    x, y = corner
    return polygon_loop([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])


def centred_rectangle(width: float, height: float, center: Vec2) -> Loop:
    """As `rectangle`, with corners at centre plus and minus half a side, rounded as the libraries do."""
    if width <= 0 or height <= 0:
        raise Refusal(f"a rectangle of {width:g} by {height:g} mm", remedy="Give sides above 0")
    (x, y), w, h = center, width / 2, height / 2
    return polygon_loop([(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)])


def polygon_loop(points: list[Vec2]) -> Loop:
    """The closed polygon through the points."""
    return Loop(tuple(Line(a, b) for a, b in zip(points, points[1:] + points[:1], strict=True)))


def regular_polygon(sides: int, radius: float, center: Vec2, rotation: float = 0.0) -> Loop:
    """Corners on a circle of the radius, the first at the angle `rotation` (degrees) from the x axis."""
    if not 3 <= sides <= 1000 or radius <= 0:
        raise Refusal(f"a polygon of {sides} sides", remedy="Give 3 to 1000 sides and a size above 0")
    start = math.radians(rotation)
    angles = [start + math.tau * i / sides for i in range(sides)]
    return polygon_loop([(center[0] + radius * math.cos(a), center[1] + radius * math.sin(a)) for a in angles])


def slot(length: float, diameter: float, center: Vec2, rotation: float = 0.0) -> Loop:
    """A slot of an overall length, its two long sides along the angle `rotation` in degrees."""
    if not 0 < diameter < length:
        raise Refusal(
            f"a slot of {length:g} by {diameter:g} mm", remedy="Give a length above its width, or draw a circle"
        )
    half, r = (length - diameter) / 2, diameter / 2
    cos, sin = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    if rotation == 0:
        cos, sin = 1.0, 0.0

    def at(x: float, y: float) -> Vec2:
        return (center[0] + x * cos - y * sin, center[1] + x * sin + y * cos)

    return Loop(
        (
            Line(at(-half, -r), at(half, -r)),
            Arc(at(half, -r), at(half + r, 0), at(half, r)),
            Line(at(half, r), at(-half, r)),
            Arc(at(-half, r), at(-half - r, 0), at(-half, -r)),
        )
    )
