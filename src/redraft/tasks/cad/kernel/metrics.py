"""How alike two solids are, by their meshes: overlap, Chamfer distance, surface F1.

Chamfer distances follow published conventions by name, so that a figure can be held against a paper's:

- deepcad (arXiv 2105.09492 and its evaluation script): 2,000 points; the truth scaled so that its farthest box
  coordinate is 0.75, about the origin, the answer by the same factor; an answer that then reaches beyond 2 is
  scaled down to 1; sum of the two mean squared distances.
- cadrille (arXiv 2505.22914): 8,192 points; each mesh centred and scaled by itself to a largest side of 1; sum of
  the two mean squared distances. Papers print it times 1,000.

Both draw their points at random, so two equal solids have a small distance that is not 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import manifold3d
import numpy as np
from scipy.spatial import cKDTree

from redraft.tasks.cad.kernel.meshes import Floats, Mesh, joined, sample

EQUAL = 1e-9
"""Overlaps nearer to 1 than this are 1."""
DEEPCAD_POINTS, DEEPCAD_REACH, DEEPCAD_LIMIT = 2_000, 0.75, 2.0
CADRILLE_POINTS = 8_192
F1_POINTS, F1_NEAR, F1_TURN = 4_096, 0.005, math.cos(math.radians(20))
"""cadgenbench: distance as a share of the truth's box diagonal, cosine of the greatest angle between normals."""
F1_SURFACE = 200_000
"""Points that stand for the other surface: 2 mm apart on a part of 600 x 600 x 600 mm, a third of the limit."""


def solid(mesh: Mesh) -> manifold3d.Manifold | None:
    """The mesh as a body for booleans; None where it is not closed and oriented."""
    welded = joined(mesh)
    parts = manifold3d.Mesh64(
        np.ascontiguousarray(welded.vertices), np.ascontiguousarray(welded.triangles.astype(np.uint64))
    )
    body = manifold3d.Manifold(parts)
    if body.status() != manifold3d.Error.NoError or body.is_empty():
        parts.merge()
        body = manifold3d.Manifold(parts)
    return body if body.status() == manifold3d.Error.NoError and body.volume() > 0 else None


def overlap(a: manifold3d.Manifold, b: manifold3d.Manifold) -> float:
    """Intersection over union of the volumes, 0 to 1."""
    return ratio(a.volume(), b.volume(), (a ^ b).volume())


def ratio(a: float, b: float, both: float) -> float:
    """Intersection over union from three volumes; 1 exactly where it differs from 1 by less than EQUAL."""
    union = a + b - both
    value = min(1.0, max(0.0, both / union)) if union > 0 else 0.0
    return 1.0 if value > 1 - EQUAL else value


def chamfer_deepcad(answer: Mesh, truth: Mesh, seed: int = 0) -> float:
    low, high = truth.box
    factor = DEEPCAD_REACH / float(np.abs(np.concatenate([low, high])).max())
    points = sample(answer, DEEPCAD_POINTS, seed)[0] * factor
    reach = float(np.abs(points).max())
    if reach > DEEPCAD_LIMIT:
        points = points / reach
    return _chamfer(points, sample(truth, DEEPCAD_POINTS, seed + 1)[0] * factor)


def chamfer_cadrille(answer: Mesh, truth: Mesh, seed: int = 0) -> float:
    points = [
        sample(_to_unit_box(mesh), CADRILLE_POINTS, number)[0]
        for number, mesh in ((seed, answer), (seed + 1, truth))
    ]
    return _chamfer(*points)


CHAMFERS: dict[str, Callable[[Mesh, Mesh, int], float]] = {
    "deepcad": chamfer_deepcad,
    "cadrille": chamfer_cadrille,
}


def surface_f1(answer: Mesh, truth: Mesh, seed: int = 0) -> float:
    """Harmonic mean of how much of each surface lies on the other, as cadgenbench defines it: within 0.5 % of the
    truth's box diagonal and with normals within 20 degrees. In place: nothing is moved or scaled."""
    low, high = truth.box
    near = F1_NEAR * float(np.linalg.norm(high - low))
    precision, recall = _share_on(answer, truth, near, seed), _share_on(truth, answer, near, seed + 1)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _share_on(mesh: Mesh, other: Mesh, near: float, seed: int) -> float:
    points, normals = sample(mesh, F1_POINTS, seed)
    surface, directions = sample(other, F1_SURFACE, seed + 2)
    # Several neighbours, since the nearest one beside a sharp edge may lie on the other face.
    _, found = cKDTree(surface).query(points, k=8, distance_upper_bound=near, workers=1)
    inside = found < len(surface)
    turn = np.einsum("nkc,nc->nk", directions[np.where(inside, found, 0)], normals)
    return float(np.mean((inside & (turn >= F1_TURN)).any(axis=1)))


def _to_unit_box(mesh: Mesh) -> Mesh:
    low, high = mesh.box
    scale = 1 / float((high - low).max())
    return mesh.moved(-(low + high) / 2 * scale, scale)


def _chamfer(a: Floats, b: Floats) -> float:
    there, _ = cKDTree(b).query(a, workers=1)
    back, _ = cKDTree(a).query(b, workers=1)
    return float(np.mean(there**2) + np.mean(back**2))
