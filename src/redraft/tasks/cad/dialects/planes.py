"""The named planes of CadQuery and build123d, and how a plane is written in either."""

from __future__ import annotations

from redraft.tasks.cad.dialects.numerals import tuple_text
from redraft.tasks.cad.program.types import Plane, Vec3

_AXES: dict[str, tuple[Vec3, Vec3]] = {
    "XY": ((1, 0, 0), (0, 0, 1)),
    "YZ": ((0, 1, 0), (1, 0, 0)),
    "ZX": ((0, 0, 1), (0, 1, 0)),
    "XZ": ((1, 0, 0), (0, -1, 0)),
    "YX": ((0, 1, 0), (0, 0, -1)),
    "ZY": ((0, 0, 1), (-1, 0, 0)),
}
"""x axis and normal of the planes that both libraries name alike."""
_CADQUERY: dict[str, tuple[Vec3, Vec3]] = {
    "front": ((1, 0, 0), (0, 0, 1)),
    "back": ((-1, 0, 0), (0, 0, -1)),
    "left": ((0, 0, 1), (-1, 0, 0)),
    "right": ((0, 0, -1), (1, 0, 0)),
    "top": ((1, 0, 0), (0, 1, 0)),
    "bottom": ((1, 0, 0), (0, -1, 0)),
}
_BUILD123D: dict[str, tuple[Vec3, Vec3]] = {
    "front": ((1, 0, 0), (0, -1, 0)),
    "back": ((-1, 0, 0), (0, 1, 0)),
    "left": ((0, -1, 0), (-1, 0, 0)),
    "right": ((0, 1, 0), (1, 0, 0)),
    "top": ((1, 0, 0), (0, 0, 1)),
    "bottom": ((1, 0, 0), (0, 0, -1)),
}


def _frames(*tables: dict[str, tuple[Vec3, Vec3]]) -> dict[str, Plane]:
    def floats(v: Vec3) -> Vec3:
        return (float(v[0]), float(v[1]), float(v[2]))

    return {
        name: Plane((0.0, 0.0, 0.0), floats(normal), floats(x))
        for table in tables
        for name, (x, normal) in table.items()
    }


CADQUERY_PLANES = _frames(_AXES, _CADQUERY)
BUILD123D_PLANES = _frames(_AXES, _BUILD123D)
WORLD = CADQUERY_PLANES["XY"]


def at_origin(plane: Plane) -> bool:
    return plane.origin == (0.0, 0.0, 0.0)


def axes_name(plane: Plane) -> str | None:
    """The two letters of a plane whose axes have a name in both libraries."""
    for name in _AXES:
        named = CADQUERY_PLANES[name]
        if (named.normal, named.x_axis) == (plane.normal, plane.x_axis):
            return name
    return None


def cadquery_workplane(plane: Plane) -> str:
    """`cq.Workplane(...)` on the plane."""
    name = axes_name(plane)
    if name is None:
        axes = f"xDir={tuple_text(plane.x_axis)}, normal={tuple_text(plane.normal)}"
        return f"cq.Workplane(cq.Plane(origin={tuple_text(plane.origin)}, {axes}))"
    return (
        f'cq.Workplane("{name}")'
        if at_origin(plane)
        else (f'cq.Workplane("{name}", origin={tuple_text(plane.origin)})')
    )


def build123d_plane(plane: Plane) -> str:
    """`Plane...` as build123d writes it."""
    name = axes_name(plane)
    if name is not None and at_origin(plane):
        return f"Plane.{name}"
    axes = f"x_dir={tuple_text(plane.x_axis)}, z_dir={tuple_text(plane.normal)}"
    return f"Plane(origin={tuple_text(plane.origin)}, {axes})"
