"""Whether a shape is a sound solid, and if not, why, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from OCP.BRepCheck import BRepCheck_Analyzer, BRepCheck_Face, BRepCheck_Shell, BRepCheck_Status, BRepCheck_Wire
from OCP.TopoDS import TopoDS, TopoDS_Edge, TopoDS_Shape

from redraft.tasks.cad.kernel.occ.booleans import parts
from redraft.tasks.cad.kernel.occ.topology import distinct, edge_uses

WORDS = {
    "SelfIntersectingWire": "the boundary of a face crosses or touches itself",
    "IntersectingWires": "two boundaries of a face cross or touch",
    "InvalidImbricationOfWires": "the boundaries of a face lie wrongly in each other",
    "NotClosed": "a boundary is open",
    "NotConnected": "a shell falls apart",
    "BadOrientation": "a boundary runs the wrong way",
    "BadOrientationOfSubshape": "a face is oriented wrongly",
    "UnorientableShape": "the faces have no consistent inside",
    "InvalidMultiConnexity": "more than two faces meet at an edge",
    "RedundantFace": "a face occurs twice",
    "EmptyShell": "a shell has no face",
    "vertex": "a corner lies off its edges or faces",
    "edge": "an edge lies off its curve or faces",
}
"""In words: the statuses of the kernel's checks of wires, faces and shells (its enumeration BRepCheck_Status less
the prefix), and the kinds of sub-shape whose checks give no status here."""


def fault(shape: TopoDS_Shape, volume: float) -> tuple[str, str] | None:
    """Reason code and sentence of what is wrong with the shape as a solid; None where nothing is.

    A sound shape is one or more solids of positive volume, closed, every edge shared by exactly two faces, and
    passes the kernel's own check of curves, surfaces, boundaries and orientations. volume: of its solids, in mm3.
    """
    if not any(parts(shape, "face")):
        return "empty", "the shape has no faces"
    if not any(parts(shape, "solid")):
        return "invalid_solid", "the shape is an open surface and bounds no volume"
    inside = sum(len(distinct(solid, "face")) for solid in distinct(shape, "solid"))
    if (loose := len(distinct(shape, "face")) - inside) > 0:
        return "invalid_solid", f"{_count(loose, 'face')} outside of every solid"
    analyzer = BRepCheck_Analyzer(shape, True)
    if not analyzer.IsValid():
        return "invalid_solid", _complaint(shape, analyzer)
    uses = Counter(edge_uses(shape))
    if over := sum(count for n, count in uses.items() if n > 2):
        return "non_manifold", f"more than two faces meet at {_count(over, 'edge')}"
    if uses[1]:
        return "invalid_solid", f"the surface is open at {_count(uses[1], 'edge')}"
    if volume <= 0:
        return "invalid_solid", f"the volume is {volume:.6g} mm3: the solid is inside out"
    return None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _complaint(shape: TopoDS_Shape, analyzer: BRepCheck_Analyzer) -> str:
    """What is wrong with the sub-shapes that fail the kernel's check, with counts.

    The bindings cannot hand over the check's own list of statuses, so each failing sub-shape is asked again.
    """
    found: Counter[str] = Counter()
    for kind in ("vertex", "edge"):
        found[kind] = sum(not analyzer.IsValid(sub) for sub in distinct(shape, kind))
    for face in distinct(shape, "face"):
        if not analyzer.IsValid(face):
            found.update(_face_statuses(face))
    for shell in distinct(shape, "shell"):
        if not analyzer.IsValid(shell):
            check = BRepCheck_Shell(TopoDS.Shell(shell))
            found.update(_names(check.Closed(), check.Orientation()))
    said: Counter[str] = Counter()
    for name, count in found.items():
        said[WORDS.get(name, name)] += count
    words = [f"{what} ({count} times)" if count > 1 else what for what, count in said.items() if count]
    return "; ".join(words) or "the kernel's check fails without naming a place"


def _face_statuses(shape: TopoDS_Shape) -> Iterator[str]:
    face = TopoDS.Face(shape)
    check = BRepCheck_Face(face)
    yield from _names(check.IntersectWires(), check.ClassifyWires(), check.OrientationOfWires())
    for sub in distinct(face, "wire"):
        wire = BRepCheck_Wire(TopoDS.Wire(sub))
        crossing = wire.SelfIntersect(face, TopoDS_Edge(), TopoDS_Edge())
        yield from _names(wire.Closed2d(face), crossing)


def _names(*statuses: BRepCheck_Status) -> Iterator[str]:
    for status in statuses:
        if status != BRepCheck_Status.BRepCheck_NoError:
            yield status.name.removeprefix("BRepCheck_")
