"""Triangle meshes: what is left of a shape when only its surface counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mesh:
    """vertices [N, 3] in mm; triangles [M, 3] of vertex numbers, counter-clockwise seen from outside.

    Every face of the solid has vertices of its own, so that a vertex belongs to one smooth surface.
    """

    vertices: Floats
    triangles: NDArray[np.int64]

    @property
    def corners(self) -> Floats:
        """[M, 3, 3]: the three points of every triangle."""
        return self.vertices[self.triangles]

    @property
    def box(self) -> tuple[Floats, Floats]:
        """Lowest and highest corner [3]."""
        return self.vertices.min(axis=0), self.vertices.max(axis=0)

    def moved(self, by: Floats, scale: float = 1.0) -> Mesh:
        """Scaled about the origin, then moved by a vector [3]."""
        return Mesh(self.vertices * scale + by, self.triangles)


def sample(mesh: Mesh, count: int, seed: int) -> tuple[Floats, Floats]:
    """count points [count, 3] spread evenly over the surface, and the unit normals [count, 3] there."""
    corners = mesh.corners
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(cross, axis=1)
    random = np.random.Generator(np.random.PCG64(seed))
    chosen = np.searchsorted(np.cumsum(double), random.random(count) * double.sum(), side="right")
    chosen = np.minimum(chosen, len(double) - 1)
    a, b = random.random((2, count, 1))
    over = a + b > 1
    a, b = np.where(over, 1 - a, a), np.where(over, 1 - b, b)
    base = corners[chosen]
    points = base[:, 0] + a * (base[:, 1] - base[:, 0]) + b * (base[:, 2] - base[:, 0])
    return points, cross[chosen] / double[chosen, None]


def joined(mesh: Mesh) -> Mesh:
    """The mesh with vertices at one place made one (within 1e-7 of its box), as booleans need it.

    Triangles that lose a corner by that are left out.
    """
    low, high = mesh.box
    cell = max(1e-7 * float((high - low).max()), 1e-12)
    cells = np.round((mesh.vertices - low) / cell).astype(np.int64)
    _, first, number = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    triangles = number.reshape(-1)[mesh.triangles]
    a, b, c = triangles.T
    return Mesh(mesh.vertices[first], triangles[(a != b) & (b != c) & (c != a)])
