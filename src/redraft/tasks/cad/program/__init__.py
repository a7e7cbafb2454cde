"""A CAD history as frozen data: the one truth that all dialects are views of."""

from redraft.tasks.cad.program.types import (
    Arc,
    Circle,
    Curve,
    Extent,
    Extrude,
    Line,
    Loop,
    Operation,
    Plane,
    Profile,
    Program,
    Sketch,
    Vec2,
    Vec3,
)

__all__ = [
    "Arc",
    "Circle",
    "Curve",
    "Extent",
    "Extrude",
    "Line",
    "Loop",
    "Operation",
    "Plane",
    "Profile",
    "Program",
    "Sketch",
    "Vec2",
    "Vec3",
]
