"""Unions and differences of intervals, on a line and on a circle."""

from __future__ import annotations

import math
from collections.abc import Iterable

Span = tuple[float, float]


def merged(spans: Iterable[Span], gap: float) -> list[Span]:
    """The union, sorted; intervals nearer than gap become one."""
    result: list[Span] = []
    for low, high in sorted(spans):
        if result and low <= result[-1][1] + gap:
            result[-1] = (result[-1][0], max(result[-1][1], high))
        else:
            result.append((low, high))
    return result


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What of spans lies outside of taken; taken is sorted and free of overlaps."""
    result: list[Span] = []
    taken = list(taken)
    for low, high in spans:
        for a, b in taken:
            if b <= low or a >= high:
                continue
            if a > low:
                result.append((low, a))
            low = max(low, b)
        if low < high:
            result.append((low, high))
    return result


def unrolled(spans: Iterable[Span]) -> list[Span]:
    """Angles brought into [0, 2 pi]: an arc over the zero becomes two intervals, a full turn one."""
    result: list[Span] = []
    for low, high in spans:
        if high - low >= math.tau:
            return [(0.0, math.tau)]
        start = low % math.tau
        end = start + high - low
        result += [(start, end)] if end <= math.tau else [(start, math.tau), (0.0, end - math.tau)]
    return result


def rejoined(spans: list[Span], gap: float) -> list[Span]:
    """Undoes `unrolled` for sorted intervals: two that meet at the zero become one that passes it."""
    if len(spans) > 1 and spans[0][0] <= gap and spans[-1][1] >= math.tau - gap:
        return [*spans[1:-1], (spans[-1][0], spans[0][1] + math.tau)]
    return spans
