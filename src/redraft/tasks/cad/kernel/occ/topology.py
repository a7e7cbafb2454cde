"""How a shape hangs together: counts, free and over-used edges, Betti numbers."""

from __future__ import annotations

from collections.abc import Iterator

from OCP.BRep import BRep_Tool
from OCP.BRepAdaptor import BRepAdaptor_Curve
from OCP.collections import (
    IndexedDataMap_TopoDS_Shape_List_TopoDS_Shape_TopTools_ShapeMapHasher,
    IndexedMap_TopoDS_Shape_TopTools_ShapeMapHasher,
)
from OCP.TopExp import TopExp
from OCP.TopoDS import TopoDS, TopoDS_Shape

from redraft.tasks.cad.kernel.occ.booleans import KINDS, parts


def distinct(shape: TopoDS_Shape, kind: str) -> list[TopoDS_Shape]:
    """Every sub-shape of the kind once, in the order of the shape."""
    found = IndexedMap_TopoDS_Shape_TopTools_ShapeMapHasher()
    TopExp.MapShapes_s(shape, KINDS[kind], found)
    return [found.FindKey(i) for i in range(1, found.Extent() + 1)]


def curve_kinds(shape: TopoDS_Shape) -> set[str]:
    """The kinds of curve that the edges lie on: "Line", "Circle", "Ellipse", "BSplineCurve" and the like."""
    edges = (TopoDS.Edge(edge) for edge in distinct(shape, "edge"))
    return {
        BRepAdaptor_Curve(edge).GetType().name.removeprefix("GeomAbs_")
        for edge in edges
        if not BRep_Tool.Degenerated_s(edge)
    }


def edge_uses(shape: TopoDS_Shape) -> Iterator[int]:
    """For every edge that is no mere point, how often faces use it: 2 on a closed manifold surface.

    A seam (where a cylinder's face meets itself) counts as two uses of its one face.
    """
    table = IndexedDataMap_TopoDS_Shape_List_TopoDS_Shape_TopTools_ShapeMapHasher()
    TopExp.MapShapesAndAncestors_s(shape, KINDS["edge"], KINDS["face"], table)
    for i in range(1, table.Extent() + 1):
        if not BRep_Tool.Degenerated_s(TopoDS.Edge(table.FindKey(i))):
            yield table.FindFromIndex(i).Extent()


def betti(shape: TopoDS_Shape) -> list[int]:
    """[b0, b1, b2] of the solids: pieces, tunnels through them, closed hollows inside them.

    Each boundary shell is a closed surface of some genus g, from its Euler characteristic 2 - 2g; a solid in
    space has as many independent tunnels as the genera of its shells sum to, and a hollow for every shell but the
    outer one (Alexander duality). Only meaningful where every edge is used twice.
    """
    solids = distinct(shape, "solid")
    shells = [shell for solid in solids for shell in distinct(solid, "shell")]
    tunnels = sum(max(0, 1 - _euler(shell) // 2) for shell in shells)
    return [len(solids), tunnels, len(shells) - len(solids)]


def _euler(shell: TopoDS_Shape) -> int:
    """V - E + F, where a face with w boundary wires counts 2 - w: it is a disc less w - 1 holes."""
    edges = sum(not BRep_Tool.Degenerated_s(TopoDS.Edge(edge)) for edge in distinct(shell, "edge"))
    faces = sum(2 - sum(1 for _ in parts(face, "wire")) for face in distinct(shell, "face"))
    return len(distinct(shell, "vertex")) - edges + faces
