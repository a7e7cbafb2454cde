"""How much of two solids is the same: exact boolean volumes, checked against their meshes."""

from __future__ import annotations

from dataclasses import dataclass

import manifold3d
import numpy as np
from OCP.BRepBuilderAPI import BRepBuilderAPI_Transform
from OCP.gp import gp_Trsf, gp_Vec, gp_XYZ
from OCP.TopoDS import TopoDS_Shape

from redraft.tasks.cad.kernel.faults import KernelFault
from redraft.tasks.cad.kernel.meshes import Mesh
from redraft.tasks.cad.kernel.metrics import overlap, ratio, solid
from redraft.tasks.cad.kernel.occ.booleans import common, cut
from redraft.tasks.cad.kernel.occ.measure import box, volume

CONSISTENT = 1e-4
"""The parts that a boolean cuts a body into must sum to the body within this share of its volume."""
AGREE = 0.01
"""Exact and mesh overlap that differ by more are not of the same bodies: the boolean went wrong in silence."""


@dataclass(frozen=True, slots=True)
class Body:
    """One side of a comparison. solid is None where the mesh is not closed; volume in mm3; low, high: its box."""

    shape: TopoDS_Shape
    mesh: Mesh
    solid: manifold3d.Manifold | None
    volume: float
    low: np.ndarray
    high: np.ndarray

    @property
    def centre(self) -> np.ndarray:
        middle: np.ndarray = (self.low + self.high) / 2
        return middle

    @property
    def size(self) -> float:
        """The largest side of its box."""
        return float((self.high - self.low).max())


def body(shape: TopoDS_Shape, mesh: Mesh) -> Body:
    low, high = box(shape)
    return Body(shape, mesh, solid(mesh), volume(shape), np.array(low), np.array(high))


def overlaps(a: Body, b: Body, exact: bool) -> dict[str, float | str]:
    """The three intersections over union and the method of each.

    iou: in place. iou_aligned: a moved so that the box centres meet, nothing scaled. iou_scaled: a moved and also
    scaled evenly so that the largest sides of the boxes are equal. Each method is "exact" (boolean of the solids),
    "mesh" (boolean of their meshes, where exact is False or the exact one failed) or "none": a body without volume
    overlaps with nothing.
    """
    still, centred = np.zeros(3), b.centre - a.centre
    scale = b.size / a.size if a.size > 0 else 1.0
    moves = {
        "iou": (still, 1.0),
        "iou_aligned": (centred, 1.0),
        "iou_scaled": (b.centre - a.centre * scale, scale),
    }
    result: dict[str, float | str] = {}
    done: list[tuple[np.ndarray, float, tuple[float, str]]] = []
    for name, (move, factor) in moves.items():
        # Bodies that already lie alike need no second boolean; 1e-9 of their size is far below any tolerance.
        near = 1e-9 * max(a.size, b.size)
        same = [found for m, f, found in done if abs(f - factor) < 1e-9 and float(np.abs(m - move).max()) < near]
        value, method = same[0] if same else _overlap(a, b, move, factor, exact)
        done.append((move, factor, (value, method)))
        result[name], result[f"{name}_method"] = value, method
    return result


def _overlap(a: Body, b: Body, move: np.ndarray, scale: float, exact: bool) -> tuple[float, str]:
    if a.volume <= 0 or b.volume <= 0:
        return 0.0, "none"
    by_mesh = None
    if a.solid is not None and b.solid is not None:
        by_mesh = overlap(a.solid.scale([scale] * 3).translate(move.tolist()), b.solid)
    by_volume = _exact(a, b, move, scale) if exact or by_mesh is None else None
    if by_volume is not None and (by_mesh is None or abs(by_volume - by_mesh) <= AGREE):
        return by_volume, "exact"
    return (0.0, "none") if by_mesh is None else (by_mesh, "mesh")


def _exact(a: Body, b: Body, move: np.ndarray, scale: float) -> float | None:
    """Intersection over union by boolean operations; None where they fail or contradict themselves."""
    low, high = a.low * scale + move, a.high * scale + move
    if (high < b.low).any() or (low > b.high).any():
        return 0.0
    shape = _moved(a.shape, move, scale)
    whole = a.volume * scale**3
    try:
        both = volume(common([shape], [b.shape]))
        rest = volume(cut([shape], [b.shape]))
    except KernelFault:
        return None
    if abs(both + rest - whole) > CONSISTENT * whole:
        return None
    return ratio(whole, b.volume, both)


def _moved(shape: TopoDS_Shape, move: np.ndarray, scale: float) -> TopoDS_Shape:
    if scale == 1 and not move.any():
        return shape
    change = gp_Trsf()
    change.SetScaleFactor(scale)
    change.SetTranslationPart(gp_Vec(gp_XYZ(*move.tolist())))
    return BRepBuilderAPI_Transform(shape, change, True).Shape()
