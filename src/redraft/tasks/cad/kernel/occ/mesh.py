"""A shape cut into triangles."""

from __future__ import annotations

import numpy as np
from OCP.BRep import BRep_Tool
from OCP.BRepMesh import BRepMesh_IncrementalMesh
from OCP.BRepTools import BRepTools
from OCP.TopAbs import TopAbs_Orientation
from OCP.TopLoc import TopLoc_Location
from OCP.TopoDS import TopoDS, TopoDS_Shape

from redraft.core.errors import Refusal
from redraft.tasks.cad.kernel.faults import KernelFault
from redraft.tasks.cad.kernel.meshes import Mesh
from redraft.tasks.cad.kernel.occ.measure import box
from redraft.tasks.cad.kernel.occ.topology import distinct

DEFLECTION = 5e-4
"""Greatest distance between surface and mesh, as a share of the part's largest box side."""
ANGLE = 0.1
"""Radians between neighbouring facets."""
MAX_TRIANGLES = 2_000_000


def mesh(shape: TopoDS_Shape, deflection: float = DEFLECTION, angle: float = ANGLE) -> Mesh:
    """The surface as triangles, the same for the same shape. Raises KernelFault "execute" where none result, and a
    Refusal "limit" beyond two million triangles."""
    low, high = box(shape)
    size = max(b - a for a, b in zip(low, high, strict=True))
    BRepTools.Clean_s(shape)  # a mesh left by a coarser call would be taken for this one
    BRepMesh_IncrementalMesh(shape, deflection * size, False, angle, False)
    vertices: list[np.ndarray] = []
    triangles: list[np.ndarray] = []
    count = total = 0
    for face in distinct(shape, "face"):
        location = TopLoc_Location()
        part = BRep_Tool.Triangulation_s(TopoDS.Face(face), location)
        if part is None:
            continue
        total += part.NbTriangles()
        if total > MAX_TRIANGLES:
            raise Refusal(
                f"the part's mesh has more than {MAX_TRIANGLES} triangles",
                remedy="Simplify the part",
                code="limit",
            )
        points = (part.Node(i) for i in range(1, part.NbNodes() + 1))
        vertices.append(_placed(np.array([(p.X(), p.Y(), p.Z()) for p in points]), location))
        corners = np.array([part.Triangle(i).Get() for i in range(1, part.NbTriangles() + 1)], dtype=np.int64)
        if face.Orientation() == TopAbs_Orientation.TopAbs_REVERSED:
            corners = corners[:, ::-1]
        triangles.append(corners - 1 + count)
        count += len(vertices[-1])
    if not triangles:
        raise KernelFault("execute", "the shape cannot be cut into triangles")
    return Mesh(np.concatenate(vertices), np.concatenate(triangles))


def _placed(points: np.ndarray, location: TopLoc_Location) -> np.ndarray:
    if location.IsIdentity():
        return points
    move = location.Transformation()
    matrix = np.array([[move.Value(row, column) for column in range(1, 5)] for row in range(1, 4)])
    moved: np.ndarray = points @ matrix[:, :3].T + matrix[:, 3]
    return moved
