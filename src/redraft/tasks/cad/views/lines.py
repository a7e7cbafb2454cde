"""The lines of one view, as the kernel's projection hands them to the drawing.

Millimetres in view coordinates, u to the right and v up, as `NAMES` and `AXES` define them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NAMES = ("front", "top", "right")
"""The views of a part, in the order of their images."""

AXES: dict[str, tuple[int, int]] = {"front": (0, 2), "top": (0, 1), "right": (1, 2)}
"""Axis of space (0 x, 1 y, 2 z) that runs to the right and that runs up, view by view. Front is seen from -Y,
top from +Z, right from +X: third angle, so all of these axes point in their positive direction."""

Polyline = NDArray[np.float64]
"""Points [N, 2] with N >= 2; a closed line repeats its first point at its end."""


@dataclass(frozen=True, slots=True)
class ViewLines:
    """visible: edges and outlines in sight. hidden: those behind material."""

    visible: list[Polyline] = field(default_factory=list)
    hidden: list[Polyline] = field(default_factory=list)
