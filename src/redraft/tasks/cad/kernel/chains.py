"""Loose chords strung into polylines, so that dashes run on along a curve."""

from __future__ import annotations

import math

import numpy as np

from redraft.tasks.cad.views.lines import Polyline

BEND = math.cos(math.radians(20))
"""Cosine of the greatest turn at which two chords still belong to one curve."""


def chained(pieces: np.ndarray, same: float) -> list[Polyline]:
    """Polylines from chords [N, 2, 2]: joined where exactly two of them meet at less than 20 degrees.

    Ends nearer than `same` are one point. The order of the result follows from the chords' order.
    """
    points, ends = _points(pieces.reshape(-1, 2), same)
    ends = ends.reshape(-1, 2)
    at: dict[int, list[int]] = {}
    for i, (a, b) in enumerate(ends.tolist()):
        if a != b:
            at.setdefault(a, []).append(i)
            at.setdefault(b, []).append(i)
    pairs = {node: chords for node, chords in at.items() if _runs_on(node, chords, ends, points)}
    used = np.zeros(len(ends), dtype=bool)
    result = []
    for i, (a, b) in enumerate(ends.tolist()):
        if used[i] or a == b:
            continue
        used[i] = True
        nodes = [a, b]
        _follow(nodes, i, ends, pairs, used)
        if nodes[0] != nodes[-1]:
            nodes.reverse()
            _follow(nodes, i, ends, pairs, used)
        result.append(points[nodes])
    return result


def _follow(nodes: list[int], chord: int, ends: np.ndarray, pairs: dict[int, list[int]], used: np.ndarray) -> None:
    """Extends nodes at its end for as long as the curve runs on."""
    while (pair := pairs.get(nodes[-1])) is not None:
        chord = pair[1] if pair[0] == chord else pair[0]
        if used[chord]:
            return
        used[chord] = True
        a, b = ends[chord].tolist()
        nodes.append(b if a == nodes[-1] else a)


def _runs_on(node: int, chords: list[int], ends: np.ndarray, points: np.ndarray) -> bool:
    if len(chords) != 2:
        return False
    directions = []
    for chord in chords:
        a, b = ends[chord]
        step = points[b if a == node else a] - points[node]
        directions.append(step / np.hypot(*step))
    return float(directions[0] @ directions[1]) < -BEND


def _points(raw: np.ndarray, same: float) -> tuple[np.ndarray, np.ndarray]:
    """Distinct points and, for each raw one, its number. Neighbouring cells of a grid count as one point."""
    cells = np.floor(raw / same).astype(np.int64)
    seen: dict[tuple[int, int], int] = {}
    points: list[np.ndarray] = []
    numbers = np.empty(len(raw), dtype=np.int64)
    for i, (x, y) in enumerate(cells.tolist()):
        number = seen.get((x, y))
        if number is None:
            near = (seen.get((x + dx, y + dy)) for dx in (-1, 0, 1) for dy in (-1, 0, 1))
            number = next((n for n in near if n is not None), None)
            if number is None:
                number = len(points)
                points.append(raw[i])
            seen[x, y] = number
        numbers[i] = number
    return np.array(points).reshape(-1, 2), numbers
