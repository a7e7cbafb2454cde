"""From millimetres to pixels, with straight edges on the pixel grid.

Two roundings make a drawing the same bit for bit, and crisp. First every coordinate is taken relative to the
part's longest side and rounded to seven decimals: a kernel's noise of 1e-9 mm cannot reach a pixel, because the
coordinates of real parts (decimal fractions of their size) do not lie on a rounding's edge. Then every vertical
or horizontal line moves to the nearest pixel boundary (at most half a pixel), and everything between two such
lines moves along in proportion, so that arcs still meet their tangents. Equal coordinates move equally in all
three views.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redraft.tasks.cad.views.lines import AXES, Polyline

FINE = 64
"""Steps per pixel that a curve's points are rounded to."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a part's box lies on all three pictures.

    low: the box's minimum, extent: its sides, in mm. scale: whole pixels per metre, as the PNG states it.
    size: pixels of a picture's side.
    """

    low: tuple[float, ...]
    extent: tuple[float, ...]
    scale: int
    size: int

    @property
    def mm_per_pixel(self) -> float:
        return 1000 / self.scale

    def pixels(self, line: Polyline, view: str) -> Polyline:
        """Points [N, 2] of a view in mm (u right, v up) as pixels (x right, y down), rounded to 1/64."""
        longest = max(self.extent)
        factor = longest * self.scale / 1000
        across, up = AXES[view]
        low = np.array([self.low[across], self.low[up]])
        half = np.array([self.extent[across], self.extent[up]]) / longest / 2
        relative = np.round((line - low) / longest - half, 7)
        x = self.size / 2 + factor * relative[:, 0]
        y = self.size / 2 - factor * relative[:, 1]
        return np.round(np.column_stack((x, y)) * FINE) / FINE


def frame(low: tuple[float, ...], high: tuple[float, ...], size: int, area: int) -> Frame:
    """The largest scale of whole pixels per metre at which the box's longest side takes at most `area` pixels.

    A whole number, since pHYs holds nothing else: so the scale that is written is exactly the one that is drawn.
    The longest side comes out shorter than `area` by less than its own length in metres, in pixels: 0.3 pixels
    for a part of 300 mm. Above `area` metres the scale would be 0: it stays 1.
    """
    extent = _rounded(b - a for a, b in zip(low, high, strict=True))
    scale = max(1, math.floor(area * 1000 / max(extent) + 1e-9))
    return Frame(low, extent, scale, size)


def snap(lines: list[Polyline], knots: NDArray[np.float64], axis: int, odd: bool) -> None:
    """Moves coordinates of one axis in place: knots to a pixel's boundary (odd: its middle), others with them."""
    if len(knots) == 0:
        return
    knots = np.unique(knots)
    target = np.floor(knots) + 0.5 if odd else np.floor(knots + 0.5)
    shift = target - knots
    for line in lines:
        line[:, axis] = np.round((line[:, axis] + np.interp(line[:, axis], knots, shift)) * FINE) / FINE


def straight_at(lines: list[Polyline], axis: int) -> NDArray[np.float64]:
    """The coordinates at which lines run straight across an axis (0: vertical lines, 1: horizontal ones)."""
    return np.array([line[0, axis] for line in lines if (line[:, axis] == line[0, axis]).all()])


def _rounded(sides: Iterable[float]) -> tuple[float, ...]:
    """The sides to a millionth of the longest: a box of 100.0000002 mm is one of 100, as the kernel means it."""
    given = tuple(sides)
    digits = 6 - math.floor(math.log10(max(given)))
    return tuple(round(side, digits) for side in given)
