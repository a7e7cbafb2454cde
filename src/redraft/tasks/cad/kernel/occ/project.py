"""Front, top and right view of a shape: its edges projected, each piece seen or hidden."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from OCP.BRep import BRep_Tool
from OCP.BRepAdaptor import BRepAdaptor_Curve
from OCP.BRepLib import BRepLib
from OCP.BRepMesh import BRepMesh_IncrementalMesh
from OCP.GeomAbs import GeomAbs_CurveType
from OCP.gp import gp_Ax2, gp_Dir, gp_Pnt, gp_Vec
from OCP.HLRAlgo import HLRAlgo_Projector
from OCP.HLRBRep import (
    HLRBRep_Algo,
    HLRBRep_HLRToShape,
    HLRBRep_PolyAlgo,
    HLRBRep_PolyHLRToShape,
    HLRBRep_TypeOfResultingEdge,
)
from OCP.TopExp import TopExp
from OCP.TopoDS import TopoDS, TopoDS_Edge, TopoDS_Shape

from redraft.tasks.cad.kernel.faults import KernelFault
from redraft.tasks.cad.kernel.linework import CHORD, FACET, SAME, tidy
from redraft.tasks.cad.kernel.occ.booleans import parts
from redraft.tasks.cad.kernel.occ.measure import box
from redraft.tasks.cad.kernel.occ.topology import curve_kinds
from redraft.tasks.cad.kernel.strokes import Strokes
from redraft.tasks.cad.views.lines import AXES, NAMES, ViewLines

TOWARD = {"front": (0.0, -1.0, 0.0), "top": (0.0, 0.0, 1.0), "right": (1.0, 0.0, 0.0)}
"""Unit vector from the part to the eye."""
SMOOTH = 0.01
"""Radians. Faces that meet at a lesser angle (0.6 degrees) show no edge in the drawing."""
ANGLE = 0.1
"""Radians between neighbouring facets of the mesh that the fast projection works on."""
SMALLEST = 1e-3
"""Millimetres. Below it the kernel's tolerance of 1e-7 mm is no longer small beside the part."""
EXACT_KINDS = {"Line", "Circle", "Ellipse"}
SHARP, OUTLINE = HLRBRep_TypeOfResultingEdge.HLRBRep_Sharp, HLRBRep_TypeOfResultingEdge.HLRBRep_OutLine


def views(shape: TopoDS_Shape, exact: bool | None = None) -> dict[str, ViewLines]:
    """The lines of front, top and right.

    exact True: the kernel's exact hidden-line algorithm, circles stay circles until they are cut into chords.
    exact False: its polygonal one, on a mesh. None: exact where every edge is a line, a circle or an ellipse, and
    polygonal elsewhere, where the exact one may take seconds. The choice depends on the shape alone, so the same
    shape always gives the same lines. A part below a thousandth of a millimetre is a KernelFault.
    """
    if exact is None:
        exact = curve_kinds(shape) <= EXACT_KINDS
    low, high = box(shape)
    size = max(b - a for a, b in zip(low, high, strict=True))
    if size < SMALLEST:
        raise KernelFault("execute", f"the part is {size:.3g} mm long, too small to draw", remedy="Check its unit")
    BRepLib.EncodeRegularity_s(shape, SMOOTH)
    if not exact:
        BRepMesh_IncrementalMesh(shape, FACET * size, False, ANGLE, False)
    project = _exact if exact else _polygonal
    return {name: tidy(*project(shape, name, size), size, faceted=not exact) for name in NAMES}


def _projector(name: str) -> HLRAlgo_Projector:
    right = [0.0, 0.0, 0.0]
    right[AXES[name][0]] = 1.0
    return HLRAlgo_Projector(gp_Ax2(gp_Pnt(0, 0, 0), gp_Dir(*TOWARD[name]), gp_Dir(*right)))


def _exact(shape: TopoDS_Shape, name: str, size: float) -> tuple[Strokes, Strokes]:
    algorithm = HLRBRep_Algo()
    algorithm.Add(shape, 0)
    algorithm.Projector(_projector(name))
    algorithm.Update()
    algorithm.Hide()
    result = HLRBRep_HLRToShape(algorithm)
    visible, hidden = Strokes(), Strokes()
    for strokes, seen in ((visible, True), (hidden, False)):
        for kind in (SHARP, OUTLINE):
            # Edges come back as pieces of the curves in space: projected here, circles keep their exact form.
            for edge in _edges(result.CompoundOfEdges(kind, seen, True)):
                _add(strokes, edge, AXES[name], size)
    return visible, hidden


def _edges(found: TopoDS_Shape | None) -> Iterator[TopoDS_Edge]:
    if found is not None and not found.IsNull():
        for edge in parts(found, "edge"):
            yield TopoDS.Edge(edge)


def _add(strokes: Strokes, edge: TopoDS_Edge, axes: tuple[int, int], size: float) -> None:
    """Adds an edge in space, projected along the axis that is not among axes."""
    curve = BRepAdaptor_Curve(edge)
    first, last = curve.FirstParameter(), curve.LastParameter()
    kind = curve.GetType()
    i, j = axes
    if kind == GeomAbs_CurveType.GeomAbs_Line:
        a, b = _xyz(curve.Value(first)), _xyz(curve.Value(last))
        if math.hypot(b[i] - a[i], b[j] - a[j]) > SAME * size:
            strokes.segments.append(((a[i], a[j]), (b[i], b[j])))
        return
    if kind in (GeomAbs_CurveType.GeomAbs_Circle, GeomAbs_CurveType.GeomAbs_Ellipse):
        if kind == GeomAbs_CurveType.GeomAbs_Circle:
            conic = curve.Circle()
            long = short = conic.Radius()
        else:
            conic = curve.Ellipse()
            long, short = conic.MajorRadius(), conic.MinorRadius()
        center, x, y = (
            _xyz(conic.Location()),
            _xyz(conic.XAxis().Direction()),
            _xyz(conic.YAxis().Direction()),
        )
        u, v = (long * x[i], long * x[j]), (short * y[i], short * y[j])
        strokes.add_ellipse((center[i], center[j]), u, v, first, last, SAME * size)
        return
    points = _sampled(curve, first, last, size)[:, [i, j]]
    if float(np.abs(np.diff(points, axis=0)).sum()) > SAME * size:
        strokes.curves.append(points)


def _xyz(point: gp_Pnt | gp_Dir | gp_Vec) -> tuple[float, float, float]:
    return (point.X(), point.Y(), point.Z())


def _sampled(curve: BRepAdaptor_Curve, first: float, last: float, size: float) -> np.ndarray:
    """Points along a curve of any form, halved until no chord strays from its middle by more than CHORD."""
    ts = np.linspace(first, last, 17)
    points = np.array([_xyz(curve.Value(t)) for t in ts])
    for _ in range(5):
        middles = (ts[:-1] + ts[1:]) / 2
        between = np.array([_xyz(curve.Value(t)) for t in middles])
        stray = np.linalg.norm(between - (points[:-1] + points[1:]) / 2, axis=1)
        far = np.flatnonzero(stray > CHORD * size)
        if not len(far):
            break
        ts, points = np.insert(ts, far + 1, middles[far]), np.insert(points, far + 1, between[far], axis=0)
    return points


def _polygonal(shape: TopoDS_Shape, name: str, size: float) -> tuple[Strokes, Strokes]:
    """The mesh's edges, all of them straight pieces; `tidy` strings the chords of curves together."""
    algorithm = HLRBRep_PolyAlgo()
    algorithm.Load(shape)
    algorithm.Projector(_projector(name))
    algorithm.Update()
    result = HLRBRep_PolyHLRToShape()
    result.Update(algorithm)
    visible, hidden = Strokes(), Strokes()
    for strokes, found in (
        (visible, (result.VCompound(), result.OutLineVCompound())),
        (hidden, (result.HCompound(), result.OutLineHCompound())),
    ):
        for compound in found:
            for edge in _edges(compound):
                a, b = (
                    BRep_Tool.Pnt_s(vertex) for vertex in (TopExp.FirstVertex_s(edge), TopExp.LastVertex_s(edge))
                )
                strokes.segments.append(((a.X(), a.Y()), (b.X(), b.Y())))
    return visible, hidden
