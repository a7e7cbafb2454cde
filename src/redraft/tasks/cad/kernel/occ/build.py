"""A program made solid: prisms of profiles, joined, cut and intersected in the program's order."""

from __future__ import annotations

from collections.abc import Sequence

from OCP.BRep import BRep_Builder
from OCP.BRepPrimAPI import BRepPrimAPI_MakePrism
from OCP.gp import gp_Trsf, gp_Vec
from OCP.TopLoc import TopLoc_Location
from OCP.TopoDS import TopoDS_Compound, TopoDS_Shape

from redraft.tasks.cad.kernel.faults import KernelFault
from redraft.tasks.cad.kernel.occ.booleans import common, cut, fuse, merge_faces, parts
from redraft.tasks.cad.kernel.occ.profiles import faces
from redraft.tasks.cad.program.types import Extent, Extrude, Operation, Program


def build(program: Program) -> TopoDS_Shape:
    """The body of a program: a solid, or a compound of solids that do not touch.

    Faces that lie on one surface and meet are merged at the end, as cadquery's `clean()` does. The shape may
    be an invalid solid, which `measure` reports. Raises KernelFault: "execute" for a profile that crosses itself
    or an operation that fails, "empty" where a cut or an intersection leaves nothing; `where` names the step.
    """
    body: TopoDS_Shape | None = None
    for number, step in enumerate(program.steps, start=1):
        where = f"extrusion {number}"
        prisms = _prisms(step, where)
        body = _apply(body, step.operation, prisms, where)
        if not any(parts(body, "solid")):
            raise KernelFault("empty", f"after the {step.operation} nothing is left", where=where)
    assert body is not None
    return _unwrapped(merge_faces(body))


def _apply(
    body: TopoDS_Shape | None, operation: Operation, prisms: list[TopoDS_Shape], where: str
) -> TopoDS_Shape:
    if body is None:
        return prisms[0] if len(prisms) == 1 else fuse(prisms[:1], prisms[1:], where)
    if operation is Operation.CUT:
        return cut([body], prisms, where)
    if operation is Operation.INTERSECT:
        tool = prisms[0] if len(prisms) == 1 else fuse(prisms[:1], prisms[1:], where)
        return common([body], [tool], where)
    return fuse([body], prisms, where)


def _prisms(step: Extrude, where: str) -> list[TopoDS_Shape]:
    """The prisms of all profiles of the step. Two-sided ones share their plane, so their union is one prism."""
    low, high = _span(step)
    result = []
    for sketch in step.sketches:
        nx, ny, nz = sketch.plane.normal
        shift = gp_Trsf()
        shift.SetTranslation(gp_Vec(low * nx, low * ny, low * nz))
        height = gp_Vec((high - low) * nx, (high - low) * ny, (high - low) * nz)
        for number, profile in enumerate(sketch.profiles, start=1):
            place = f"{where}, profile {number}" if len(sketch.profiles) > 1 else where
            for face in faces(sketch.plane, profile, place):
                base = face.Moved(TopLoc_Location(shift)) if low else face
                result.append(BRepPrimAPI_MakePrism(base, height).Shape())
    return result


def _span(step: Extrude) -> tuple[float, float]:
    """Lowest and highest distance from the plane along its normal.

    The prisms to both sides start at the plane, so both spans hold 0 and their union is a span, even where a
    negative distance puts them on one side.
    """
    if step.extent is Extent.SYMMETRIC:
        return -abs(step.one), abs(step.one)
    ends = (0.0, step.one) if step.extent is Extent.ONE else (0.0, step.one, -step.two)
    return min(ends), max(ends)


def _unwrapped(shape: TopoDS_Shape) -> TopoDS_Shape:
    solids = list(parts(shape, "solid"))
    return solids[0] if len(solids) == 1 else compound(solids)


def compound(shapes: Sequence[TopoDS_Shape]) -> TopoDS_Shape:
    builder, result = BRep_Builder(), TopoDS_Compound()
    builder.MakeCompound(result)
    for shape in shapes:
        builder.Add(result, shape)
    return result
