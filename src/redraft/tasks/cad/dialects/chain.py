"""Puts the curves of a loop head to tail, whatever their order and directions in the file."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from redraft.core.errors import Refusal
from redraft.tasks.cad.program.types import CLOSED, Arc, Circle, Curve, Line, Loop, Vec2


def chain(curves: Sequence[Curve]) -> Loop:
    """A closed loop of the curves, the first one in its own direction, the others turned where needed.

    Ends touch within `CLOSED` mm, or 1e-5 of the loop's size where that is more. What does not close is refused.
    """
    if len(curves) == 1 or any(isinstance(curve, Circle) for curve in curves):
        return Loop(tuple(curves))
    chained = _in_order(curves) or _searched(curves)
    if chained is None:
        raise Refusal(
            f"{len(curves)} curves do not form one closed loop",
            remedy="Join the curves end to end, and give every loop its own list",
            code="refused",
        )
    return Loop(tuple(chained))


def _gap(curves: Sequence[Curve]) -> float:
    points = [p for c in curves if not isinstance(c, Circle) for p in (c.start, c.end)]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return max(CLOSED, 1e-5 * math.hypot(max(xs) - min(xs), max(ys) - min(ys)))


def turned(curve: Curve) -> Curve:
    """The same curve walked from its end to its start."""
    if isinstance(curve, Line):
        return Line(curve.end, curve.start)
    if isinstance(curve, Arc):
        return Arc(curve.end, curve.mid, curve.start)
    return curve


def _in_order(curves: Sequence[Curve]) -> list[Curve] | None:
    """The curves in the order given, each turned to fit: how files write them."""
    gap = _gap(curves)
    for first in (curves[0], turned(curves[0])):
        assert not isinstance(first, Circle)
        chained: list[Curve] = [first]
        at = first.end
        for curve in curves[1:]:
            assert not isinstance(curve, Circle)
            if math.dist(curve.start, at) > gap:
                if math.dist(curve.end, at) > gap:
                    break
                curve = turned(curve)
                assert not isinstance(curve, Circle)
            chained.append(curve)
            at = curve.end
        else:
            if math.dist(at, first.start) <= gap:
                return chained
    return None


def _searched(curves: Sequence[Curve]) -> list[Curve] | None:
    """The curves in whatever order joins them, found by their ends on a grid of cells."""
    gap = _gap(curves)
    cells: defaultdict[tuple[int, int], list[tuple[int, bool]]] = defaultdict(list)

    def cell(point: Vec2) -> tuple[int, int]:
        return (math.floor(point[0] / (2 * gap)), math.floor(point[1] / (2 * gap)))

    for i, curve in enumerate(curves):
        assert not isinstance(curve, Circle)
        cells[cell(curve.start)].append((i, False))
        cells[cell(curve.end)].append((i, True))
    first = curves[0]
    assert not isinstance(first, Circle)
    chained: list[Curve] = [first]
    used = {0}
    at = first.end
    while len(chained) < len(curves):
        x, y = cell(at)
        near = (
            (i, flip)
            for dx in (-1, 0, 1)
            for dy in (-1, 0, 1)
            for i, flip in cells.get((x + dx, y + dy), ())
            if i not in used
        )
        for i, flip in near:
            curve = turned(curves[i]) if flip else curves[i]
            assert not isinstance(curve, Circle)
            if math.dist(curve.start, at) <= gap:
                used.add(i)
                chained.append(curve)
                at = curve.end
                break
        else:
            return None
    return chained if math.dist(at, first.start) <= gap else None
