"""The geometry of a page that lies askew: a homography whose image stays inside the page's own size.

Coordinates are continuous pixels, x to the right and y down, (0, 0) at the outer corner of the first pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

Matrix = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True)
class Warp:
    """angle: degrees, clockwise as the page is seen. lean_x, lean_y: how much farther the right (lower) edge lies
    than the left (upper) one, as a part of the distance; -0.2 to 0.2. shift_x, shift_y: -1 to 1, where the page
    stands in the room that is left around it; 0 is the middle."""

    angle: float = 0.0
    lean_x: float = 0.0
    lean_y: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    @property
    def is_none(self) -> bool:
        return self.angle == self.lean_x == self.lean_y == 0.0

    def matrix(self, width: int, height: int) -> Matrix:
        """[3, 3], from the plain page's points to the warped one's, about the centre.

        The page is made as small as it must be for its whole border to lie inside, and never larger. The weight is
        above 0 on the whole page and the rotation is a proper one, so nothing is mirrored anywhere.
        """
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        centre = _moved(-width / 2, -height / 2)
        turned = numpy.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        leaning = numpy.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [self.lean_x / width, self.lean_y / height, 1.0]])
        askew = turned @ leaning @ centre
        corners = at(askew, numpy.array([[0, 0], [width, 0], [0, height], [width, height]], numpy.float64))
        low, high = corners.min(axis=0), corners.max(axis=0)
        size, room = high - low, numpy.array([width, height], numpy.float64)
        # A hair smaller than exact, so that rounding leaves no corner outside.
        scale = min(1.0, float((room / size).min())) * (1 - 1e-9)
        free = (room - size * scale) / 2
        offset = free * (1 + numpy.array([self.shift_x, self.shift_y])) - low * scale
        placed = numpy.array([[scale, 0.0, offset[0]], [0.0, scale, offset[1]], [0.0, 0.0, 1.0]])
        matrix: Matrix = placed @ askew
        return matrix


def at(matrix: Matrix, points: Matrix) -> Matrix:
    """Points [n, 2] after a homography."""
    weights = points @ matrix[2, :2] + matrix[2, 2]
    found: Matrix = (points @ matrix[:2, :2].T + matrix[:2, 2]) / weights[:, None]
    return found


def stretch(matrix: Matrix, points: Matrix) -> Matrix:
    """The determinant of a homography's derivative at points [n, 2]: pixels of area that one becomes, below 0
    where it mirrors. It is det(M) / w^3, w being the weight there."""
    weights = points @ matrix[2, :2] + matrix[2, 2]
    found: Matrix = numpy.linalg.det(matrix) / weights**3
    return found


def least_scale(warp: Warp, width: int, height: int) -> float:
    """Where a page is shown smallest: pixels that one becomes, as a length."""
    corners = numpy.array([[0, 0], [width, 0], [0, height], [width, height]], numpy.float64)
    return float(numpy.sqrt(stretch(warp.matrix(width, height), corners).min()))


def _moved(x: float, y: float) -> Matrix:
    return numpy.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])
