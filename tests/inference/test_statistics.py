from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.inference.statistics import bootstrap_mean, wilson


def test_the_interval_is_the_same_every_time_and_holds_the_mean():
    values = np.random.default_rng(1).random(50)
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    low, high = bootstrap_mean(values, seed=3)
    assert low < np.mean(values) < high


def test_the_interval_has_the_width_that_theory_gives():
    """For many values the bootstrap's interval is the mean +- 1.96 standard errors."""
    values = np.random.default_rng(0).normal(0.5, 0.2, 1_000)
    low, high = bootstrap_mean(values, seed=1, resamples=8_000)
    half = 1.96 * values.std() / math.sqrt(1_000)
    assert low == pytest.approx(values.mean() - half, abs=0.05 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.05 * half)


def test_it_covers_the_true_mean_about_19_times_in_20():
    source = np.random.default_rng(5)
    hits = 0
    for trial in range(200):
        low, high = bootstrap_mean(source.uniform(0, 1, 80), seed=trial, resamples=400)
        hits += low <= 0.5 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_one_value_has_no_interval():
    assert bootstrap_mean([0.4]) is None
    assert wilson(0, 0) is None


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"), [(10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662)]
)
def test_wilson_gives_the_published_values(successes, count, low, high):
    """81 of 263: Newcombe 1998, table I."""
    assert wilson(successes, count) == pytest.approx((low, high), abs=1e-4)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_the_interval_stays_among_the_values(values):
    low, high = bootstrap_mean(values, resamples=100)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
