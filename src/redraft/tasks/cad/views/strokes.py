"""What is drawn of a view's lines: each stretch once, hidden ones only where nothing visible covers them.

Lines that were apart in millimetres may fall together on the pixel grid, and the dashes of two lines out of step
would fill each other's gaps. All lengths here are pixels.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redraft.tasks.cad.views.lines import Polyline

Interval = tuple[float, float]
Runs = dict[float, list[Interval]]
"""Straight lines along one axis: the coordinate across to the stretches along it."""
CORNER = math.cos(math.radians(20))
"""Lines that turn by more than 20 degrees meet in a corner. Chords of a curve turn by 6 at most."""


@dataclass(slots=True)
class Strokes:
    """horizontal: y to stretches in x. vertical: x to stretches in y. free: everything else."""

    horizontal: Runs = field(default_factory=lambda: defaultdict(list))
    vertical: Runs = field(default_factory=lambda: defaultdict(list))
    free: list[Polyline] = field(default_factory=list)


def split_corners(lines: Iterable[Polyline]) -> list[Polyline]:
    """The polylines cut at their corners, without points that repeat; what has no length vanishes.

    Pieces share no memory, so that each can be moved alone.
    """
    pieces: list[Polyline] = []
    for line in lines:
        if len(line) == 2:
            if (line[0] != line[1]).any():
                pieces.append(line.copy())
            continue
        points = line[np.concatenate(([True], (np.diff(line, axis=0) != 0).any(axis=1)))]
        if len(points) < 2:
            continue
        steps = np.diff(points, axis=0)
        steps /= np.hypot(steps[:, 0], steps[:, 1])[:, None]
        turns = (steps[:-1] * steps[1:]).sum(axis=1)
        cuts = [0, *(np.flatnonzero(turns < CORNER) + 1).tolist(), len(points) - 1]
        pieces += [points[a : b + 1].copy() for a, b in pairwise(cuts)]
    return pieces


def sort_strokes(lines: Iterable[Polyline]) -> Strokes:
    """Divides polylines (cut at their corners) by direction and unites overlapping straight stretches."""
    strokes = Strokes()
    for line in lines:
        (ax, ay), (bx, by) = line.min(axis=0).tolist(), line.max(axis=0).tolist()
        if ax == bx:
            strokes.vertical[ax].append((ay, by))
        elif ay == by:
            strokes.horizontal[ay].append((ax, bx))
        else:
            strokes.free.append(line)
    strokes.horizontal = {at: united(runs) for at, runs in sorted(strokes.horizontal.items())}
    strokes.vertical = {at: united(runs) for at, runs in sorted(strokes.vertical.items())}
    return strokes


def united(runs: list[Interval]) -> list[Interval]:
    """Overlapping or touching intervals made one, in order."""
    result: list[Interval] = []
    for low, high in sorted(runs):
        if result and low <= result[-1][1]:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return result


def without(runs: list[Interval], covers: list[Interval]) -> list[Interval]:
    """What of the united runs no cover hides."""
    result: list[Interval] = []
    for low, high in runs:
        for a, b in covers:
            if b <= low or a >= high:
                continue
            if a > low:
                result.append((low, a))
            low = max(low, b)
        if low < high:
            result.append((low, high))
    return result


def dashes(line: Polyline, on: float, off: float) -> list[Polyline]:
    """Dashes along a polyline: an open line begins and ends with a dash, a closed one has whole periods.

    A line too short for two dashes and a gap of 60 % of their length stays whole.
    """
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))))
    total = float(along[-1])
    closed = _end(line, 0) == _end(line, -1)
    if total < 0.6 * (2 * on + off):
        return [line]
    if closed:
        count = max(2, round(total / (on + off)))
        stretch = total / (count * (on + off))
    else:
        count = max(2, round((total + off) / (on + off)))
        stretch = total / (count * on + (count - 1) * off)
    starts = np.arange(count) * (on + off) * stretch
    stops = starts + on * stretch
    first = np.searchsorted(along, starts, side="right")
    last = np.searchsorted(along, stops, side="left")
    heads, tails = _at(line, along, starts), _at(line, along, stops)
    return [np.concatenate((heads[i : i + 1], line[first[i] : last[i]], tails[i : i + 1])) for i in range(count)]


def _at(line: Polyline, along: NDArray[Any], where: NDArray[Any]) -> Polyline:
    return np.column_stack((np.interp(where, along, line[:, 0]), np.interp(where, along, line[:, 1])))


def _end(line: Polyline, index: int) -> tuple[float, float]:
    x, y = line[index].tolist()
    return (round(x * 8) / 8, round(y * 8) / 8)
