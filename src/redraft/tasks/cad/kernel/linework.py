"""Projected pieces tidied into the lines of a drawing.

A projection cuts an edge where its visibility changes, edges behind each other coincide, a seam splits a circle.
Here pieces of one line or one conic are united, hidden ones lose what visible ones cover, and curves are cut into
chords. Millimetres in view coordinates. No geometry kernel, so that every projection gets the same treatment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from redraft.tasks.cad.kernel.chains import chained
from redraft.tasks.cad.kernel.intervals import Span, merged, rejoined, unrolled, without
from redraft.tasks.cad.kernel.strokes import Conic, Segment, Strokes
from redraft.tasks.cad.views.lines import Polyline, ViewLines

CHORD = 1 / 5000
"""Greatest distance between a curve and its chords, as a share of the part's largest box side: a tenth of a pixel
in a view of 512."""
SAME = 2e-5
"""Lines and conics nearer than this share of that side are one. The kernel's own noise is far below it."""
SHORTEST = 2e-4
"""Pieces shorter than this share of that side are left out."""
FACET = 1 / 1000
"""Greatest distance between a curve and the mesh that the fast projection works on, by the same share."""
LONGEST_CHORD = 0.1
"""Longest chord of a curve in that mesh, by the same share: a tenth of a radian of the largest circle."""
ALIGNED = math.sin(math.radians(15))
BLOCK = 512
"""Pieces whose coverage is looked at together: bounds the memory."""
PARALLEL = 1e-5
"""Radians between directions that count as one."""


def tidy(visible: Strokes, hidden: Strokes, size: float, *, faceted: bool = False) -> ViewLines:
    """The view's lines, united and free of duplicates, in an order that depends on their geometry alone.

    size: the part's largest box side in mm, to which all tolerances are relative. faceted: the segments come from
    a mesh, so that a run of short ones is a curve.
    """
    lines = ViewLines()
    _add_segments(lines, visible.segments, hidden.segments, size)
    if faceted:
        _string_facets(lines, size)
    _add_conics(lines, visible.conics, hidden.conics, size)
    _add_curves(lines, visible.curves, hidden.curves, size)
    return lines


def _add_segments(lines: ViewLines, visible: Sequence[Segment], hidden: Sequence[Segment], size: float) -> None:
    same, shortest = SAME * size, SHORTEST * size
    for (dx, dy), offset, spans in _collinear([*visible, *hidden], len(visible), same):
        seen = merged((span for is_visible, span in spans if is_visible), same)
        unseen = without(merged((span for is_visible, span in spans if not is_visible), same), seen)
        for target, pieces in ((lines.visible, seen), (lines.hidden, unseen)):
            for low, high in pieces:
                if high - low > shortest:
                    ends = [(dx * t - dy * offset, dy * t + dx * offset) for t in (low, high)]
                    target.append(np.array(ends))


def _string_facets(lines: ViewLines, size: float) -> None:
    """Strings the chords of a mesh's curves together and drops chords that lie beside others.

    Two curves one behind the other are not always cut at the same points, so their chords cross. The longest
    strings stay; visible ones before hidden ones.
    """
    above = np.zeros((0, 2, 2))
    for target in (lines.visible, lines.hidden):
        pieces = _segments_of(target)
        long = _lengths(pieces) > LONGEST_CHORD * size
        strings = sorted(chained(pieces[~long], SAME * size), key=_length, reverse=True)
        chords = np.concatenate([above, _segments_of(strings)])
        # Everything of the longer strings, and of the lines above, may cover a chord.
        rank = np.repeat(np.arange(len(strings) + 1), [len(above), *(len(line) - 1 for line in strings)])
        kept = ~_covered(chords, chords, FACET * size, rank)
        target[:] = chained(np.concatenate([pieces[long], chords[kept & (rank > 0)]]), SAME * size)
        above = chords[kept]


def _lengths(pieces: np.ndarray) -> np.ndarray:
    step = pieces[:, 1] - pieces[:, 0]
    lengths: np.ndarray = np.hypot(step[:, 0], step[:, 1])
    return lengths


def _collinear(
    segments: Sequence[Segment], visible: int, same: float
) -> Iterator[tuple[tuple[float, float], float, list[tuple[bool, Span]]]]:
    """The lines that segments lie on: direction, distance from the origin, and the intervals along it.

    The first `visible` segments are flagged True. The longest segment of a group decides its line.
    """
    if not segments:
        return
    ends = np.array(segments, dtype=float)
    length = _lengths(ends)
    ends, flags = ends[length > 0], (np.arange(len(ends)) < visible)[length > 0]
    length, step = length[length > 0], ends[:, 1] - ends[:, 0]
    angle = np.arctan2(step[:, 1], step[:, 0]) % math.pi
    angle[angle > math.pi - PARALLEL] -= math.pi
    parallel = _clusters(np.zeros(len(ends), dtype=int), angle, PARALLEL)
    angle = angle[_longest(parallel, length)][parallel]
    direction = np.column_stack([np.cos(angle), np.sin(angle)])
    middle = ends.mean(axis=1)
    offset = middle[:, 1] * direction[:, 0] - middle[:, 0] * direction[:, 1]
    line = _clusters(parallel, offset, same)
    leaders = _longest(line, length)
    along = np.sort(np.einsum("nij,nj->ni", ends, direction), axis=1).tolist()
    spans: list[list[tuple[bool, Span]]] = [[] for _ in leaders]
    for number, flag, (low, high) in zip(line.tolist(), flags.tolist(), along, strict=True):
        spans[number].append((flag, (low, high)))
    for leader, pieces in zip(leaders.tolist(), spans, strict=True):
        dx, dy = direction[leader].tolist()
        yield (dx, dy), float(offset[leader]), pieces


def _clusters(group: np.ndarray, values: np.ndarray, gap: float) -> np.ndarray:
    """For each member the number of its cluster: of one group, and values that leave no gap wider than `gap`.

    Numbers run in the order of group and value.
    """
    order = np.lexsort((values, group))
    starts = (np.diff(group[order]) != 0) | (np.diff(values[order]) > gap)
    numbers = np.empty(len(values), dtype=int)
    numbers[order] = np.concatenate([[0], np.cumsum(starts)]) if len(values) else 0
    return numbers


def _longest(cluster: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The longest member of each cluster, by the cluster's number."""
    order = np.lexsort((-length, cluster))
    first = np.concatenate([[True], np.diff(cluster[order]) != 0])
    longest: np.ndarray = order[first]
    return longest


def _add_conics(lines: ViewLines, visible: Sequence[Conic], hidden: Sequence[Conic], size: float) -> None:
    groups: list[tuple[Conic, list[Span], list[Span]]] = []
    for is_visible, conic in [*((True, c) for c in visible), *((False, c) for c in hidden)]:
        group = next((g for g in groups if _coincide(g[0], conic, SAME * size)), None)
        if group is None:
            group = (conic, [], [])
            groups.append(group)
        spans = group[1] if is_visible else group[2]
        spans.append((conic.first, conic.last))
    groups.sort(key=lambda group: (group[0].center, group[0].major, group[0].minor))
    for model, seen, unseen in groups:
        gap = SAME * size / model.radius
        shortest = SHORTEST * size / model.radius
        seen = merged(unrolled(seen), gap)
        unseen = without(merged(unrolled(unseen), gap), seen)
        for target, spans in ((lines.visible, seen), (lines.hidden, unseen)):
            for first, last in rejoined(spans, gap):
                if last - first > shortest:
                    target.append(_chords(model, first, last, CHORD * size))


def _coincide(a: Conic, b: Conic, same: float) -> bool:
    return all(
        abs(p - q) <= same
        for u, v in ((a.center, b.center), (a.major, b.major), (a.minor, b.minor))
        for p, q in zip(u, v, strict=True)
    )


def _chords(conic: Conic, first: float, last: float, chord: float) -> Polyline:
    """The arc as a polyline whose chords stray from it by at most `chord`."""
    step = 2 * math.acos(max(0.5, 1 - chord / conic.radius))
    t = np.linspace(first, last, max(2, math.ceil((last - first) / step)) + 1)
    arc: Polyline = np.outer(np.cos(t), conic.major) + np.outer(np.sin(t), conic.minor) + conic.center
    return arc


def _add_curves(lines: ViewLines, visible: Sequence[Polyline], hidden: Sequence[Polyline], size: float) -> None:
    """Curves of any form: cut into chords, so what lies on a line already drawn is found chord by chord."""
    drawn = _segments_of(lines.visible)
    for target, curves in ((lines.visible, visible), (lines.hidden, hidden)):
        kept: list[np.ndarray] = []
        others = _segments_of(target) if target is lines.hidden else np.zeros((0, 2, 2))
        for curve in sorted(curves, key=lambda c: (-len(c), c.tolist())):
            pieces = np.stack([curve[:-1], curve[1:]], axis=1)
            pieces = pieces[~_covered(pieces, np.concatenate([drawn, others]), 2 * CHORD * size)]
            if len(pieces):
                kept.append(pieces)
                if target is lines.visible:
                    drawn = np.concatenate([drawn, pieces])
                else:
                    others = np.concatenate([others, pieces])
        if kept:
            chains = chained(np.concatenate(kept), SAME * size)
            target.extend(chain for chain in chains if _length(chain) > SHORTEST * size)


def _segments_of(polylines: Iterable[Polyline]) -> np.ndarray:
    pieces = [np.stack([line[:-1], line[1:]], axis=1) for line in polylines]
    return np.concatenate(pieces) if pieces else np.zeros((0, 2, 2))


def _length(polyline: Polyline) -> float:
    return float(np.hypot(*np.diff(polyline, axis=0).T).sum())


def _covered(pieces: np.ndarray, by: np.ndarray, near: float, rank: np.ndarray | None = None) -> np.ndarray:
    """Which pieces [N, 2, 2] have both ends and their middle within `near` of one of the segments `by` [M, 2, 2]
    that runs about the same way (within 15 degrees). rank: pieces and by are one list, in which only those of a
    lower rank cover others."""
    result = np.zeros(len(pieces), dtype=bool)
    if not len(by):
        return result
    start, step = by[:, 0], by[:, 1] - by[:, 0]
    square = np.maximum((step**2).sum(1), 1e-300)
    for first in range(0, len(pieces), BLOCK):
        block = pieces[first : first + BLOCK]
        run = block[:, 1] - block[:, 0]
        cross = np.abs(run[:, None, 0] * step[:, 1] - run[:, None, 1] * step[:, 0])
        aligned = cross <= ALIGNED * np.sqrt((run**2).sum(1)[:, None] * square)
        if rank is not None:
            aligned &= rank[first : first + BLOCK, None] > rank
        piece, other = np.nonzero(aligned)
        covered = np.ones(len(block), dtype=bool)
        for points in (block[:, 0], block.mean(axis=1), block[:, 1]):
            away = points[piece] - start[other]
            t = np.clip((away * step[other]).sum(1) / square[other], 0, 1)
            off = away - t[:, None] * step[other]
            covered &= np.bincount(piece[(off**2).sum(1) <= near * near], minlength=len(block)) > 0
        result[first : first + BLOCK] = covered
    return result
