"""Means with intervals: how far a figure from so many examples can be trusted.

All intervals hold 95 %. The bootstrap is the plain percentile one (Efron 1979): it draws examples anew, so it
covers the choice of examples and nothing else, and it has no width where all values are equal. Rates take
Wilson's interval (1927), which keeps its width there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

RESAMPLES = 2_000
Z95 = 1.959963984540054
Interval = tuple[float, float]


def bootstrap_mean(values: Sequence[float], seed: int = 0, resamples: int = RESAMPLES) -> Interval | None:
    """The 95 % interval of the mean of values; None for fewer than two. The same every time for one seed."""
    data = np.asarray(values, dtype=np.float64)
    if data.size < 2:
        return None
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    rows = max(1, 2_000_000 // data.size)  # bounds the memory of one draw of indices
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        means[start : start + count] = data[random.integers(0, data.size, (count, data.size))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def wilson(successes: int, count: int) -> Interval | None:
    """Wilson's 95 % score interval of a rate; None without examples."""
    if count == 0:
        return None
    rate, z2 = successes / count, Z95**2
    centre = (rate + z2 / (2 * count)) / (1 + z2 / count)
    half = Z95 / (1 + z2 / count) * math.sqrt(rate * (1 - rate) / count + z2 / (4 * count**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def signed(value: float) -> str:
    """A difference with three decimals and its sign; one that rounds to nothing is "0.000"."""
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text
