"""Union, difference and intersection of lists of shapes, and the clean-up that merges their faces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from OCP.BRepAlgoAPI import BRepAlgoAPI_BooleanOperation, BRepAlgoAPI_Common, BRepAlgoAPI_Cut, BRepAlgoAPI_Fuse
from OCP.collections import List_TopoDS_Shape
from OCP.ShapeUpgrade import ShapeUpgrade_UnifySameDomain
from OCP.TopAbs import TopAbs_ShapeEnum
from OCP.TopExp import TopExp_Explorer
from OCP.TopoDS import TopoDS_Shape

from redraft.tasks.cad.kernel.faults import KernelFault

KINDS = {
    "solid": TopAbs_ShapeEnum.TopAbs_SOLID,
    "shell": TopAbs_ShapeEnum.TopAbs_SHELL,
    "face": TopAbs_ShapeEnum.TopAbs_FACE,
    "wire": TopAbs_ShapeEnum.TopAbs_WIRE,
    "edge": TopAbs_ShapeEnum.TopAbs_EDGE,
    "vertex": TopAbs_ShapeEnum.TopAbs_VERTEX,
}


def parts(shape: TopoDS_Shape, kind: str) -> Iterator[TopoDS_Shape]:
    """Every sub-shape of the kind, as often as it is used."""
    explorer = TopExp_Explorer(shape, KINDS[kind])
    while explorer.More():
        yield explorer.Current()
        explorer.Next()


def fuse(first: Sequence[TopoDS_Shape], others: Sequence[TopoDS_Shape], where: str = "") -> TopoDS_Shape:
    return _run(BRepAlgoAPI_Fuse(), first, others, "uniting", where)


def cut(first: Sequence[TopoDS_Shape], others: Sequence[TopoDS_Shape], where: str = "") -> TopoDS_Shape:
    return _run(BRepAlgoAPI_Cut(), first, others, "cutting", where)


def common(first: Sequence[TopoDS_Shape], others: Sequence[TopoDS_Shape], where: str = "") -> TopoDS_Shape:
    return _run(BRepAlgoAPI_Common(), first, others, "intersecting", where)


def _run(
    operation: BRepAlgoAPI_BooleanOperation,
    first: Sequence[TopoDS_Shape],
    others: Sequence[TopoDS_Shape],
    doing: str,
    where: str,
) -> TopoDS_Shape:
    operation.SetArguments(shape_list(first))
    operation.SetTools(shape_list(others))
    # One thread: the pool keeps every core busy with a process of its own, and results stay the same.
    operation.SetRunParallel(False)
    operation.SetToFillHistory(False)
    try:
        operation.Build()
    except Exception as error:  # the kernel's exceptions share no better base class in its bindings
        raise KernelFault("execute", f"{doing} two bodies failed ({type(error).__name__})", where=where) from error
    if not operation.IsDone():
        raise KernelFault("execute", f"{doing} two bodies failed", where=where)
    return operation.Shape()


def shape_list(shapes: Sequence[TopoDS_Shape]) -> List_TopoDS_Shape:
    result = List_TopoDS_Shape()
    for shape in shapes:
        result.Append(shape)
    return result


def merge_faces(shape: TopoDS_Shape) -> TopoDS_Shape:
    """The same body with neighbouring faces of one surface merged, and edges of one curve."""
    unify = ShapeUpgrade_UnifySameDomain(shape, True, True, True)
    unify.AllowInternalEdges(False)
    try:
        unify.Build()
    except Exception:
        # A body whose faces cannot be merged is still the body; the validity check has the last word.
        return shape
    return unify.Shape()
