"""Batches by a budget of tokens: nothing lost, nothing above the budget, and the place is the number of steps."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from redraft.training.token_order import TokenOrder

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=80)


def stream(order: TokenOrder) -> list[list[int]]:
    return [batch for step in range(int(order.steps)) for batch in order.batches(step)]


@given(LENGTHS, st.integers(50, 200), st.integers(1, 3), st.integers(0, 5), st.integers(1, 3), st.booleans())
def test_every_epoch_holds_every_example_once_within_the_budget(
    lengths: list[int], budget: int, accumulate: int, seed: int, epochs: int, packed: bool
) -> None:
    order = TokenOrder(lengths, budget, accumulate, seed, epochs, packed)
    batches = stream(order)
    for batch in batches:
        sizes = [lengths[i] for i in batch]
        assert (sum(sizes) if packed else len(sizes) * max(sizes)) <= budget
    found = [i for batch in batches for i in batch]
    for epoch in range(epochs):
        assert sorted(found[epoch * len(lengths) : (epoch + 1) * len(lengths)]) == list(range(len(lengths)))
    assert order.batches(int(order.steps)) == []


@given(LENGTHS, st.integers(50, 200), st.integers(1, 3), st.sampled_from([0.5, 1.0, 1.3, 2.5]), st.booleans())
def test_a_step_says_how_many_examples_were_seen(
    lengths: list[int], budget: int, accumulate: int, epochs: float, packed: bool
) -> None:
    order = TokenOrder(lengths, budget, accumulate, 1, epochs, packed)
    seen = 0
    for step in range(int(order.steps)):
        fresh = TokenOrder(lengths, budget, accumulate, 1, epochs, packed)  # as after a restart
        assert fresh.seen(step) == seen
        assert fresh.batches(step) == order.batches(step)
        seen += sum(len(batch) for batch in order.batches(step))
    assert seen == max(1, round(epochs * len(lengths))) == order.seen(int(order.steps))


def test_an_endless_stream_goes_on() -> None:
    order = TokenOrder([3, 4, 5], 10, 1, 0)
    assert math.isinf(order.steps) and order.batches(1000) and order.seen(1000) > 1000


def test_packing_wastes_little() -> None:
    lengths = [20 + (37 * i) % 180 for i in range(500)]
    rows = stream(TokenOrder(lengths, 1024, 1, 0, 1, packed=True))
    assert sum(lengths) / (1024 * len(rows)) > 0.96
    padded = stream(TokenOrder(lengths, 1024, 1, 0, 1))
    used = sum(len(batch) * max(lengths[i] for i in batch) for batch in padded)
    assert sum(lengths) / used > 0.95


def test_seed_and_epoch_change_the_batches() -> None:
    lengths = [5 + i % 7 for i in range(200)]
    one, other = TokenOrder(lengths, 64, 1, 0, 2), TokenOrder(lengths, 64, 1, 1, 2)
    assert stream(one) != stream(other)
    half = len(stream(TokenOrder(lengths, 64, 1, 0, 1)))
    assert stream(one)[:half] != stream(one)[half:]
