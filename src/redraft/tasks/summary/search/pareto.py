"""Which styles are worth their tokens: the Pareto front, successive halving towards it, and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf
from typing import NamedTuple

import numpy as np

RESAMPLES = 2_000
ROUNDS = 3
SMALLEST = 4
"""Documents of the first round."""


Interval = tuple[float, float]


class Point(NamedTuple):
    """What counts of a style: more score for fewer tokens a document."""

    score: float
    tokens: float


def dominates(a: Point, b: Point) -> bool:
    """Whether a is nowhere worse and somewhere better."""
    return a.score >= b.score and a.tokens <= b.tokens and a != b


def ranks(points: Sequence[Point]) -> list[int]:
    """0 for the front, 1 for the front of the rest, and so on (non-dominated sorting; Deb et al. 2002)."""
    found = [-1] * len(points)
    rank = 0
    while -1 in found:
        left = [index for index, known in enumerate(found) if known < 0]
        for index in left:
            if not any(dominates(points[other], points[index]) for other in left):
                found[index] = rank
        found = [-1 if known < 0 else known for known in found]
        rank += 1
    return found


def front(points: Sequence[Point]) -> list[int]:
    """The indices of those that no other dominates, by their tokens. Of equal ones all."""
    return sorted((i for i, rank in enumerate(ranks(points)) if rank == 0), key=lambda i: points[i].tokens)


def crowding(points: Sequence[Point]) -> list[float]:
    """How far each point's neighbours are apart, its extremes infinitely far (Deb et al. 2002)."""
    found = [0.0] * len(points)
    for axis in range(2):
        order = sorted(range(len(points)), key=lambda index: points[index][axis])
        low, high = points[order[0]][axis], points[order[-1]][axis]
        found[order[0]] = found[order[-1]] = inf
        for before, here, after in zip(order, order[1:], order[2:], strict=False):
            if high > low:
                found[here] += (points[after][axis] - points[before][axis]) / (high - low)
    return found


def better_half(points: Sequence[Point], always: int) -> list[int]:
    """Indices of the half (rounded up) that goes on, and `always` besides: by rank, then by how alone they are."""
    found = ranks(points)
    order: list[int] = []
    for rank in sorted(set(found)):
        members = [index for index, known in enumerate(found) if known == rank]
        alone = crowding([points[index] for index in members])
        pairs = sorted(zip(alone, members, strict=True), key=lambda pair: (-pair[0], pair[1]))
        order += [index for _, index in pairs]
    return sorted({always, *order[: ceil(len(points) / 2)]})


def rounds(examples: int, trials: int) -> list[int]:
    """Documents that are answered by the end of each round; each has half of the styles of the one before
    (successive halving; Jamieson and Talwalkar 2016). The last one takes all documents."""
    found = [examples]
    while trials > 4 and found[0] // 2 >= SMALLEST and len(found) < ROUNDS:
        found.insert(0, ceil(found[0] / 2))
        trials = ceil(trials / 2)
    return found


def interval(values: Sequence[float], seed: int) -> Interval | None:
    """The 95 % percentile bootstrap interval of the mean (Efron 1979); None for fewer than two values."""
    data = np.asarray(values, dtype=np.float64)
    if data.size < 2:
        return None
    random = np.random.default_rng(seed)
    means = data[random.integers(0, data.size, (RESAMPLES, data.size))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
