"""Flat faces from profiles: wires of lines, arcs and circles on a plane, with holes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from OCP.BRepBuilderAPI import (
    BRepBuilderAPI_MakeEdge,
    BRepBuilderAPI_MakeFace,
    BRepBuilderAPI_MakeVertex,
    BRepBuilderAPI_MakeWire,
)
from OCP.BRepCheck import BRepCheck_Analyzer
from OCP.Geom import Geom_Circle
from OCP.gp import gp_Ax2, gp_Ax3, gp_Circ, gp_Dir, gp_Pln, gp_Pnt
from OCP.TopoDS import TopoDS_Edge, TopoDS_Face, TopoDS_Shape, TopoDS_Vertex, TopoDS_Wire

from redraft.tasks.cad.kernel.faults import KernelFault
from redraft.tasks.cad.kernel.occ.booleans import cut, parts
from redraft.tasks.cad.program.types import Arc, Circle, Curve, Line, Loop, Plane, Profile, Vec2

COINCIDENT = 1e-6
"""Millimetres. Points nearer than this are one; ten times the kernel's own confusion of 1e-7."""


def faces(plane: Plane, profile: Profile, where: str) -> list[TopoDS_Shape]:
    """The flat faces of a profile: one, or several where holes cut the region apart.

    Holes that lie apart inside the outer loop go in directly. Any other hole (one that touches or crosses the
    outer loop, or lies in or over another hole) is cut out by a boolean operation, which is what "the region
    inside outer and outside of every hole" then means. A loop that crosses itself is a KernelFault "execute".
    """
    outer = _wire(plane, profile.outer, ccw=True, where=where)
    if not profile.holes:
        return [_checked(plane, outer, where)]
    holes = [_wire(plane, hole, ccw=False, where=where) for hole in profile.holes]
    maker = BRepBuilderAPI_MakeFace(_gp_plane(plane), outer, False)
    for hole in holes:
        maker.Add(hole)
    if maker.IsDone() and BRepCheck_Analyzer(maker.Face(), True).IsValid():
        return [maker.Face()]
    outline = _checked(plane, outer, where)
    tools = [_checked(plane, _wire(plane, hole, ccw=True, where=where), where) for hole in profile.holes]
    left = list(parts(cut([outline], tools, where), "face"))
    if not left:
        raise KernelFault("empty", "the holes of a profile leave nothing of it", where=where)
    return left


def _checked(plane: Plane, wire: TopoDS_Wire, where: str) -> TopoDS_Face:
    maker = BRepBuilderAPI_MakeFace(_gp_plane(plane), wire, False)
    if not maker.IsDone():
        raise KernelFault("execute", "a loop bounds no face", where=where)
    if not BRepCheck_Analyzer(maker.Face(), True).IsValid():
        raise KernelFault("execute", "a loop crosses or touches itself", where=where, remedy="Redraw the profile")
    return maker.Face()


def _gp_plane(plane: Plane) -> gp_Pln:
    return gp_Pln(gp_Ax3(gp_Pnt(*plane.origin), gp_Dir(*plane.normal), gp_Dir(*plane.x_axis)))


def _wire(plane: Plane, loop: Loop, *, ccw: bool, where: str) -> TopoDS_Wire:
    """The closed wire of a loop, counter-clockwise about the plane's normal or clockwise.

    Each curve starts at the vertex where the one before it ends, which closes gaps within the program's own
    tolerance of a closed loop.
    """
    first = loop.curves[0]
    wire = BRepBuilderAPI_MakeWire()
    if isinstance(first, Circle):
        wire.Add(_circle(plane, first, ccw))
    else:
        curves = _oriented(loop, ccw)
        points = [curve.start for curve in curves]
        vertices = [BRepBuilderAPI_MakeVertex(gp_Pnt(*plane.point(point))).Vertex() for point in points]
        for i, curve in enumerate(curves):
            after = (i + 1) % len(curves)
            wire.Add(_edge(plane, curve, points[i], points[after], vertices[i], vertices[after], where))
    if not wire.IsDone():
        raise KernelFault("execute", "the curves of a loop do not join", where=where)
    return wire.Wire()


def _oriented(loop: Loop, ccw: bool) -> list[Line | Arc]:
    """The loop's curves in the wanted sense, without those too short for the kernel."""
    curves = [curve for curve in _open_curves(loop) if math.dist(curve.start, curve.end) > COINCIDENT]
    if (_signed_area(curves) > 0) is ccw:
        return curves
    return [Line(c.end, c.start) if isinstance(c, Line) else Arc(c.end, c.mid, c.start) for c in reversed(curves)]


def _open_curves(loop: Loop) -> Iterator[Line | Arc]:
    for curve in loop.curves:
        assert not isinstance(curve, Circle)
        yield curve


def _signed_area(curves: list[Line | Arc]) -> float:
    total = 0.0
    for curve in curves:
        (ax, ay), (bx, by) = curve.start, curve.end
        total += (ax * by - bx * ay) / 2
        if isinstance(curve, Arc) and (circle := curve.circle) is not None:
            total += circle[1] ** 2 * (curve.sweep - math.sin(curve.sweep)) / 2
    return total


def _circle(plane: Plane, circle: Circle, ccw: bool) -> TopoDS_Edge:
    sense = 1.0 if ccw else -1.0
    normal = gp_Dir(*(sense * n for n in plane.normal))
    axes = gp_Ax2(gp_Pnt(*plane.point(circle.center)), normal, gp_Dir(*plane.x_axis))
    return BRepBuilderAPI_MakeEdge(gp_Circ(axes, circle.radius)).Edge()


def _edge(
    plane: Plane, curve: Curve, start: Vec2, end: Vec2, first: TopoDS_Vertex, last: TopoDS_Vertex, where: str
) -> TopoDS_Edge:
    if isinstance(curve, Arc):
        arc = _arc(plane, curve, start, end, first, last)
        if arc is not None:
            return arc
    maker = BRepBuilderAPI_MakeEdge(first, last)
    if not maker.IsDone():
        raise KernelFault("execute", "a curve of a loop is too short", where=where)
    return maker.Edge()


def _arc(
    plane: Plane, curve: Arc, start: Vec2, end: Vec2, first: TopoDS_Vertex, last: TopoDS_Vertex
) -> TopoDS_Edge | None:
    """The arc as an edge; None where it is as good as straight."""
    fitted = Arc(start, curve.mid, end)
    circle = fitted.circle
    if circle is None:
        return None
    center, radius = circle
    sweep = fitted.sweep
    if radius * (1 - math.cos(min(abs(sweep) / 2, math.pi))) < COINCIDENT:
        return None
    normal = gp_Dir(*(math.copysign(1.0, sweep) * n for n in plane.normal))
    x, y = (start[0] - center[0]) / radius, (start[1] - center[1]) / radius
    v = plane.y_axis
    toward_start = gp_Dir(*(x * a + y * b for a, b in zip(plane.x_axis, v, strict=True)))
    geometry = Geom_Circle(gp_Ax2(gp_Pnt(*plane.point(center)), normal, toward_start), radius)
    maker = BRepBuilderAPI_MakeEdge(geometry, first, last, 0.0, abs(sweep))
    return maker.Edge() if maker.IsDone() else None
