"""Finds the circle that a polyline was cut from."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from redraft.tasks.cad.views.lines import Polyline

ON = 1e-6
"""Greatest distance of a point from the circle, as a share of its radius. Points of a projection's arcs lie on it
to the last bits; those of other curves do not."""
FEWEST = 5


@dataclass(frozen=True, slots=True)
class FittedArc:
    """Counter-clockwise from the angle start by sweep, in radians; sweep None is the whole circle."""

    center: tuple[float, float]
    radius: float
    start: float
    sweep: float | None


def fit_arc(line: Polyline) -> FittedArc | None:
    """The arc through all points of a polyline of five or more; None where there is none."""
    if len(line) < FEWEST:
        return None
    a, b, c = line[0], line[len(line) // 3], line[2 * len(line) // 3]
    u, v = b - a, c - a
    double = 2 * float(u[0] * v[1] - u[1] * v[0])
    if abs(double) < 1e-12 * float(np.hypot(*u) * np.hypot(*v)):
        return None
    uu, vv = float(u @ u), float(v @ v)
    center = a + np.array([v[1] * uu - u[1] * vv, u[0] * vv - v[0] * uu]) / double
    away = line - center
    radii = np.hypot(away[:, 0], away[:, 1])
    radius = float(radii.mean())
    if float(np.abs(radii - radius).max()) > ON * radius:
        return None
    turns = np.diff(np.unwrap(np.arctan2(away[:, 1], away[:, 0])))
    if not ((turns > 0).all() or (turns < 0).all()):
        return None
    x, y = float(center[0]), float(center[1])
    if np.allclose(line[0], line[-1], rtol=0, atol=ON * radius):
        return FittedArc((x, y), radius, 0.0, None)
    first = away[0] if turns[0] > 0 else away[-1]
    return FittedArc((x, y), radius, math.atan2(first[1], first[0]), abs(float(turns.sum())))
