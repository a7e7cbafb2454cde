"""Loops as compact lines, on whole grid steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.compact_read import swept
from redraft.tasks.cad.dialects.numerals import exact, rounded
from redraft.tasks.cad.program.transform import reverse_loop, signed_area
from redraft.tasks.cad.program.types import Arc, Circle, Curve, Line, Loop, Profile, Vec2
from redraft.tasks.cad.program.validate import profile_faults

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LoopText:
    """The lines of a loop, and the corners of its box to sort by: lower left first, then upper right."""

    lines: tuple[str, ...]
    key: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Edge:
    """A curve on the grid: to its end, straight (sweep 0), by a sweep in degrees, or through a middle."""

    end: Point
    sweep: float = 0.0
    mid: Point | None = None


def loop_lines(loop: Loop, hole: bool, grid: int, dropped: list[str]) -> LoopText:
    """The lines of a loop given in grid steps. One that vanishes is a Refusal; dropped curves are told."""
    first = loop.curves[0]
    if isinstance(first, Circle):
        return _circle(first, hole)
    if signed_area(loop) < 0:
        loop = reverse_loop(loop)
    edges = _edges(loop, grid, dropped)
    if len(edges) < 2 or (len(edges) == 2 and all(edge.sweep == 0 and edge.mid is None for edge in edges)):
        raise Refusal(f"a loop of {math.sqrt(loop.area):.3g} steps across vanishes")
    edges = _uncrossed(loop, edges, grid)
    starts = [edges[i - 1].end for i in range(len(edges))]
    at = min(range(len(edges)), key=lambda i: (starts[i][1], starts[i][0]))
    edges, start = edges[at:] + edges[:at], starts[at]
    xs, ys = [p[0] for p in starts], [p[1] for p in starts]
    key = (min(ys), min(xs), max(ys), max(xs))
    if _is_rectangle(start, edges):
        far = edges[1].end
        return LoopText((f"{'q' if hole else 'r'} {start[0]} {start[1]} {far[0]} {far[1]}",), key)
    lines = [f"{'h' if hole else 'p'} {start[0]} {start[1]}"]
    for i, edge in enumerate(edges):
        straight = edge.sweep == 0 and edge.mid is None
        if straight and i == len(edges) - 1:
            break
        if edge.mid is not None:
            lines.append(f"b {edge.mid[0]} {edge.mid[1]} {edge.end[0]} {edge.end[1]}")
        elif straight:
            lines.append(f"l {edge.end[0]} {edge.end[1]}")
        else:
            lines.append(f"a {edge.end[0]} {edge.end[1]} {exact(edge.sweep)}")
    return LoopText(tuple(lines), key)


def _circle(circle: Circle, hole: bool) -> LoopText:
    (x, y), r = _snap(circle.center), round(circle.radius)
    if r == 0:
        raise Refusal(f"a circle of radius {circle.radius:.3g} steps vanishes")
    return LoopText((f"{'o' if hole else 'c'} {x} {y} {r}",), (y - r, x - r, y + r, x + r))


def _edges(loop: Loop, grid: int, dropped: list[str]) -> list[_Edge]:
    """The curves with their ends on the grid; those that end where they start are dropped and told."""
    decimals = angle_decimals(grid)
    edges: list[_Edge] = []
    last = loop.curves[-1]
    assert not isinstance(last, Circle)
    at = _snap(last.end)
    for curve in loop.curves:
        assert not isinstance(curve, Circle)
        end = _snap(curve.end)
        sweep = curve.sweep if isinstance(curve, Arc) else 0.0
        if end == at:
            if abs(sweep) > math.pi:
                raise Refusal("the opening of an arc vanishes")
            dropped.append(f"a curve of {math.dist(curve.start, curve.end):.3g} steps at {at[0]} {at[1]}")
            continue
        if isinstance(curve, Arc) and abs(sweep) > math.pi + 1e-6:
            mid = _snap(_middle(curve))
            edges.append(_Edge(end) if mid in (at, end) else _Edge(end, mid=mid))
        else:
            degrees = rounded(math.degrees(sweep), decimals)
            edges.append(_Edge(end, sweep=degrees))
        at = end
    return edges


def _uncrossed(loop: Loop, edges: list[_Edge], grid: int) -> list[_Edge]:
    """The edges, their sweeps changed by a few units where rounding made neighbours cross.

    An arc that leaves a line at an angle of zero, as at a cusp, crosses it after any rounding to the wrong side.
    """
    if not any(edge.sweep for edge in edges) or not profile_faults(Profile(_drawn(edges)), touching=True):
        return edges
    if profile_faults(Profile(loop), touching=True):
        return edges
    unit = 10.0 ** -angle_decimals(grid)
    for count in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128):
        for sign in (-1, 1):
            nudged = _nudged(edges, sign * count * unit)
            if nudged and not profile_faults(Profile(_drawn(nudged)), touching=True):
                return nudged
    return edges


def _nudged(edges: list[_Edge], degrees: float) -> list[_Edge] | None:
    """The edges with wider sweeps; None where one would leave its range, or its middle move by over a step."""
    changed = []
    start = edges[-1].end
    for edge in edges:
        sweep = edge.sweep and rounded(edge.sweep + math.copysign(1, edge.sweep) * degrees, 6)
        if edge.sweep:
            shift = abs(math.tan(math.radians(edge.sweep) / 4) - math.tan(math.radians(sweep) / 4)) / 2
            if sweep * edge.sweep <= 0 or abs(sweep) > 350 or shift * math.dist(start, edge.end) > 1:
                return None
        changed.append(replace(edge, sweep=sweep))
        start = edge.end
    return changed


def _drawn(edges: list[_Edge]) -> Loop:
    """The loop that a reader of the edges will see."""
    curves: list[Curve] = []
    at = edges[-1].end
    for edge in edges:
        if edge.mid is not None:
            curves.append(Arc(at, edge.mid, edge.end))
        else:
            curves.append(swept(at, edge.end, edge.sweep) if edge.sweep else Line(at, edge.end))
        at = edge.end
    return Loop(tuple(curves))


def angle_decimals(grid: int) -> int:
    """Decimals of an angle in degrees: whole degrees on the coarse grids of models."""
    return 0 if grid <= 256 else 2


def _middle(arc: Arc) -> Vec2:
    """The point halfway along an arc, whatever point its `mid` is."""
    circle = arc.circle
    if circle is None:
        return arc.mid
    (x, y), radius = circle
    angle = math.atan2(arc.start[1] - y, arc.start[0] - x) + arc.sweep / 2
    return (x + radius * math.cos(angle), y + radius * math.sin(angle))


def _is_rectangle(start: Point, edges: list[_Edge]) -> bool:
    """Four straight edges along the axes, counter-clockwise from the lower left corner."""
    if len(edges) != 4 or any(edge.sweep or edge.mid for edge in edges):
        return False
    far = edges[1].end
    return [edge.end for edge in edges] == [(far[0], start[1]), far, (start[0], far[1]), start] and (
        far[0] > start[0] and far[1] > start[1]
    )


def _snap(point: Vec2) -> Point:
    return (round(point[0]), round(point[1]))
