"""What a shape measures."""

from __future__ import annotations

from typing import Any

from OCP.Bnd import Bnd_Box
from OCP.BRepBndLib import BRepBndLib
from OCP.BRepGProp import BRepGProp
from OCP.GProp import GProp_GProps
from OCP.TopoDS import TopoDS_Shape

from redraft.tasks.cad.kernel.faults import KernelFault
from redraft.tasks.cad.kernel.occ.topology import betti, curve_kinds, distinct
from redraft.tasks.cad.kernel.occ.validity import fault
from redraft.tasks.cad.program.types import Vec3

SETTLED = 1e-6
"""Relative change of a face's share of the volume below which the adaptive integration stops."""


def measure(shape: TopoDS_Shape) -> dict[str, Any]:
    """The shape's properties as JSON data.

    valid, reason ("ok" or a code), detail (a sentence, "" where valid), solids, faces, edges (counts of distinct
    ones; an edge of a cylinder's own seam counts), volume_mm3, area_mm2, bbox_mm (sizes) and bbox_min (the tight
    box), center_of_mass (of the volume; of the surface where there is no solid), betti ([b0, b1, b2], None where
    the shape is not a sound solid). An open surface has volume 0.
    """
    plain = _is_plain(shape)
    inside, surface = _inside(shape, plain), _surface(shape, plain)
    wrong = fault(shape, inside.Mass())
    centre = (inside if inside.Mass() else surface).CentreOfMass()
    low, high = box(shape)
    return {
        "valid": wrong is None,
        "reason": "ok" if wrong is None else wrong[0],
        "detail": "" if wrong is None else wrong[1],
        "solids": len(distinct(shape, "solid")),
        "faces": len(distinct(shape, "face")),
        "edges": len(distinct(shape, "edge")),
        "volume_mm3": inside.Mass(),
        "area_mm2": surface.Mass(),
        "bbox_mm": [b - a for a, b in zip(low, high, strict=True)],
        "bbox_min": list(low),
        "center_of_mass": [centre.X(), centre.Y(), centre.Z()],
        "betti": betti(shape) if wrong is None else None,
    }


def volume(shape: TopoDS_Shape) -> float:
    """Cubic millimetres inside the shape's solids; negative where they are inside out."""
    return float(_inside(shape, _is_plain(shape)).Mass())


def box(shape: TopoDS_Shape) -> tuple[Vec3, Vec3]:
    """Lowest and highest corner of the tight box, from the exact geometry."""
    bounds = Bnd_Box()
    BRepBndLib.AddOptimal_s(shape, bounds, False, False)
    if bounds.IsVoid():
        raise KernelFault("empty", "the shape has no extent")
    # A box keeps a margin around its contents; without it the corners are the shape's own.
    bounds.SetGap(0.0)
    low, high = bounds.CornerMin(), bounds.CornerMax()
    return (low.X(), low.Y(), low.Z()), (high.X(), high.Y(), high.Z())


def _inside(shape: TopoDS_Shape, plain: bool) -> GProp_GProps:
    """Mass properties of the solids' volume."""
    total = GProp_GProps()
    for solid in distinct(shape, "solid"):
        properties = GProp_GProps()
        if plain:
            BRepGProp.VolumeProperties_s(solid, properties)
        else:
            BRepGProp.VolumeProperties_s(solid, properties, SETTLED)
        total.Add(properties)
    return total


def _surface(shape: TopoDS_Shape, plain: bool) -> GProp_GProps:
    """Mass properties of the faces."""
    properties = GProp_GProps()
    if plain:
        BRepGProp.SurfaceProperties_s(shape, properties)
    else:
        BRepGProp.SurfaceProperties_s(shape, properties, SETTLED)
    return properties


def _is_plain(shape: TopoDS_Shape) -> bool:
    """Whether the kernel's plain integration will do.

    It is exact to 1e-9 where faces end at lines and circles, and wrong by 1e-5 on a real part with holes across a
    cylinder: there the adaptive one runs until it settles.
    """
    return curve_kinds(shape) <= {"Line", "Circle"}
