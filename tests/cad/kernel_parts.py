"""Programs with known measures, for the kernel's tests."""

from __future__ import annotations

import math

from redraft.tasks.cad.program import (
    Arc,
    Circle,
    Extent,
    Extrude,
    Line,
    Loop,
    Operation,
    Plane,
    Profile,
    Program,
    Sketch,
)

FLOOR = Plane((0, 0, 0))
FRONT = Plane((0, 0, 0), (0, -1, 0), (1, 0, 0))


def polygon(*points: tuple[float, float]) -> Loop:
    return Loop(tuple(Line(a, b) for a, b in zip(points, points[1:] + points[:1], strict=True)))


def rectangle(x: float, y: float, width: float, height: float) -> Loop:
    return polygon((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def circle(radius: float, x: float = 0, y: float = 0) -> Loop:
    return Loop((Circle((x, y), radius),))


def slot(half: float, radius: float) -> Loop:
    """Two straight sides of 2 * half and two half circles, tangent."""
    return Loop(
        (
            Line((-half, -radius), (half, -radius)),
            Arc((half, -radius), (half + radius, 0), (half, radius)),
            Line((half, radius), (-half, radius)),
            Arc((-half, radius), (-half - radius, 0), (-half, -radius)),
        )
    )


def extrude(
    profiles: Loop | Profile | list[Profile],
    one: float,
    operation: str = "new",
    extent: str = "one",
    two: float = 0.0,
    plane: Plane = FLOOR,
) -> Extrude:
    if isinstance(profiles, Loop):
        profiles = Profile(profiles)
    if isinstance(profiles, Profile):
        profiles = [profiles]
    return Extrude((Sketch(plane, tuple(profiles)),), Operation(operation), Extent(extent), one, two)


def part(*steps: Extrude) -> Program:
    return Program(steps)


BOX = part(extrude(rectangle(0, 0, 30, 20), 10))
FLANGE = part(
    extrude(Profile(rectangle(-40, -25, 80, 50), tuple(circle(4, x, y) for x in (-30, 30) for y in (-15, 15))), 8),
    extrude(circle(12), 28, "join"),
    extrude(circle(7), 28, "cut"),
)
FLANGE_VOLUME = 80 * 50 * 8 - 4 * math.pi * 16 * 8 + math.pi * 144 * 20 - math.pi * 49 * 28
SLOTTED = part(extrude(Profile(slot(20, 10), (slot(20, 5),)), 6))
CROSS_HOLE = part(
    extrude(circle(15), 40),
    extrude(circle(6, 0, 20), 30, "cut", "symmetric", plane=FRONT),
)
TILTED = part(
    extrude(rectangle(-20, -20, 40, 40), 10),
    extrude(circle(8), 25, "join", "symmetric", plane=Plane((0, 0, 10), (0.6, 0, 0.8), (0.8, 0, -0.6))),
)
HOLLOW = part(
    extrude(rectangle(0, 0, 20, 20), 20),
    extrude(rectangle(5, 5, 10, 10), 10, "cut", plane=Plane((0, 0, 5))),
)
SOUND = {
    "box": BOX,
    "flange": FLANGE,
    "slotted": SLOTTED,
    "cross hole": CROSS_HOLE,
    "tilted": TILTED,
    "hollow": HOLLOW,
}
