"""The order of examples and the learning rate: functions of seed, step and time alone."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import get_scheduler

from redraft.core.recipe import Train
from redraft.training.order import Order
from redraft.training.schedule import LearningRate, Pace

COUNTS = st.integers(1, 60)


def stream(order: Order) -> list[int]:
    return [index for step in range(int(order.steps)) for batch in order.batches(step) for index in batch]


@given(COUNTS, st.integers(1, 9), st.integers(1, 4), st.integers(0, 5), st.integers(1, 3), st.booleans())
def test_every_epoch_holds_every_example_once(
    count: int, batch: int, accumulate: int, seed: int, epochs: int, grouped: bool
) -> None:
    lengths = tuple((7 * i) % 11 for i in range(count)) if grouped else None
    found = stream(Order(count, batch, accumulate, seed, epochs, lengths))
    assert len(found) == count * epochs
    for epoch in range(epochs):
        assert sorted(found[epoch * count : (epoch + 1) * count]) == list(range(count))


@given(COUNTS, st.integers(1, 4), st.integers(1, 4), st.integers(0, 5))
def test_accumulation_cuts_the_same_stream(count: int, batch: int, accumulate: int, seed: int) -> None:
    apart = Order(count, batch, accumulate, seed, 2)
    whole = Order(count, batch * accumulate, 1, seed, 2)
    assert apart.steps == whole.steps
    for step in range(int(whole.steps)):
        assert [i for b in apart.batches(step) for i in b] == [i for b in whole.batches(step) for i in b]


def test_seed_and_epoch_change_the_order() -> None:
    first, other = stream(Order(40, 4, 1, 0, 2)), stream(Order(40, 4, 1, 1, 2))
    assert first[:40] != first[40:] and first != other and first == stream(Order(40, 8, 1, 0, 2))


def test_like_lengths_share_a_batch() -> None:
    lengths = tuple((17 * i) % 50 for i in range(320))

    def spread(order: Order) -> float:
        batches = [b for step in range(int(order.steps)) for b in order.batches(step)]
        return sum(max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches) / len(batches)

    assert spread(Order(320, 8, 1, 0, 1, lengths)) < 0.2 * spread(Order(320, 8, 1, 0, 1))


def test_part_of_an_epoch_ends_where_it_should() -> None:
    assert len(stream(Order(10, 4, 1, 0, 1.5))) == 15
    assert Order(10, 4, 1, 0, 1.5).batches(4) == []


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
@pytest.mark.parametrize("warmup", [0, 0.1, 7])
def test_the_learning_rate_is_the_librarys(schedule: str, warmup: float) -> None:
    settings = Train(schedule=schedule, warmup=warmup, max_steps=50)  # type: ignore[arg-type]
    rate = LearningRate(settings, Pace.of(settings, Order(100, 1, 1, 0, 1)))
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    name = "constant_with_warmup" if schedule == "constant" else schedule
    steps = math.ceil(warmup * 50) if warmup < 1 else int(warmup)
    theirs = get_scheduler(name, optimiser, num_warmup_steps=steps, num_training_steps=50)
    for step in range(50):
        assert rate.at(step, 0.0) == pytest.approx(theirs.get_last_lr()[0])
        optimiser.step()
        theirs.step()


def test_a_clock_runs_the_whole_schedule() -> None:
    settings = Train(max_minutes=1, warmup=0.1, epochs=1000)
    pace = Pace.of(settings, Order(100, 1, 1, 0, 1000))
    rate = LearningRate(settings, pace)
    values = [rate.at(step, 60 * step / 40) for step in range(41)]
    assert (
        values[0] == 0 and max(values) == pytest.approx(1, abs=0.01) and values[-1] == pytest.approx(0, abs=1e-6)
    )
    assert values[4:] == sorted(values[4:], reverse=True)
    assert pace.part(40, 60.0) == 1 and pace.part(3, 30.0) == 0.5 and pace.expected(20, 30.0) == 40


def test_a_warmup_in_steps_under_a_clock() -> None:
    settings = Train(max_minutes=1, warmup=10, epochs=1000)
    rate = LearningRate(settings, Pace.of(settings, Order(100, 1, 1, 0, 1000)))
    assert rate.at(0, 0.0) == pytest.approx(0.1) and rate.at(9, 0.0) == pytest.approx(1.0)
