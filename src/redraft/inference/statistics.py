"""Means with intervals: how far a figure from so many examples can be trusted.

All intervals hold 95 %. The bootstrap is the plain percentile one (Efron 1979): it draws examples anew, so it
covers the choice of examples and nothing else, and it has no width where all values are equal. Rates take
Wilson's interval (1927), which keeps its width there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
Z95 = 1.959963984540054
Interval = tuple[float, float]


def bootstrap_mean(values: Sequence[float], seed: int = 0, resamples: int = RESAMPLES) -> Interval | None:
    """The 95 % interval of the mean of values; None for fewer than two. The same every time for one seed."""
    data = np.asarray(values, dtype=np.float64)
    return bootstrap_means(data[:, None], seed, resamples)[0]


def bootstrap_means(
    values_NK: NDArray[np.float64], seed: int = 0, resamples: int = RESAMPLES
) -> list[Interval | None]:
    """The same for K measures of the same N examples, which are drawn once for all of them. A NaN is no value: the
    mean is of those that are drawn and exist."""
    count, columns = values_NK.shape
    exists_NK = ~np.isnan(values_NK)
    found: list[Interval | None] = [None] * columns
    wide = np.flatnonzero(exists_NK.sum(axis=0) >= 2)
    if not len(wide):
        return found
    exists_NK = exists_NK[:, wide].astype(np.float64)
    filled_NK = np.where(exists_NK > 0, values_NK[:, wide], 0.0)
    random = np.random.default_rng(seed)
    means_RK = np.empty((resamples, len(wide)))
    rows = max(1, 2_000_000 // count)  # bounds the memory of one draw of indices
    for start in range(0, resamples, rows):
        taken = min(rows, resamples - start)
        drawn_RN = random.integers(0, count, (taken, count)) + count * np.arange(taken)[:, None]
        times_RN = np.bincount(drawn_RN.ravel(), minlength=taken * count).reshape(taken, count).astype(np.float64)
        with np.errstate(invalid="ignore"):  # a draw without any value of a measure has no mean of it
            means_RK[start : start + taken] = (times_RN @ filled_NK) / (times_RN @ exists_NK)
    low_K, high_K = np.nanquantile(means_RK, (0.025, 0.975), axis=0)
    for column, low, high in zip(wide, low_K, high_K, strict=True):
        found[column] = float(low), float(high)
    return found


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
