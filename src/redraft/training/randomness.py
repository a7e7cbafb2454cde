"""The random states of a process as tensors, so that a resumed run draws what an unbroken one would have drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy
import torch
from torch import Tensor

from redraft.core.place import place


def seed_all(seed: int) -> None:
    """Seeds Python, NumPy and torch on every device."""
    random.seed(seed)
    numpy.random.seed(seed & 0xFFFFFFFF)
    torch.manual_seed(seed)


def seed_step(seed: int, step: int, rank: int) -> None:
    """Seeds what is drawn in one step (dropout) by the run's seed, the step and the process alone."""
    words = numpy.random.SeedSequence([seed & 0xFFFFFFFFFFFFFFFF, step, rank]).generate_state(2)
    seed_all(int(words[0]) << 31 | int(words[1]) >> 1)


def states() -> dict[str, Tensor]:
    """Every generator's state, by name."""
    _, words, _ = random.getstate()
    words_of: Any = numpy.random.get_state()
    kind, keys, position, *_ = words_of
    assert kind == "MT19937"
    found = {
        "random/python": torch.tensor(words, dtype=torch.int64),
        "random/numpy": torch.tensor([*keys.tolist(), position], dtype=torch.int64),
        "random/torch": torch.random.get_rng_state(),
    }
    if torch.cuda.is_available():
        # Of several processes each has one device, and would only take memory on the others.
        several = place().count > 1
        for index in [torch.cuda.current_device()] if several else range(torch.cuda.device_count()):
            found[f"random/cuda{index}"] = torch.cuda.get_rng_state(index)
    return found


def restore(found: Mapping[str, Tensor]) -> None:
    """Sets what `states` gave."""
    random.setstate((3, tuple(found["random/python"].tolist()), None))
    numbers = found["random/numpy"].tolist()
    numpy.random.set_state(("MT19937", numpy.array(numbers[:-1], dtype=numpy.uint32), numbers[-1], 0, 0.0))
    torch.random.set_rng_state(found["random/torch"].to(torch.uint8))
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            if f"random/cuda{index}" in found:
                torch.cuda.set_rng_state(found[f"random/cuda{index}"].to(torch.uint8), index)


@contextmanager
def untouched() -> Iterator[None]:
    """Whatever is drawn inside leaves no trace outside: evaluations do not change a run."""
    before = states()
    try:
        yield
    finally:
        restore(before)


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """On a CPU: operations that add up in an order of their own choice take a fixed one instead.

    A compiled full fine-tune on two threads gave other losses in every run without this. It costs nothing that
    can be measured there (docs/training.md). A GPU keeps its own setting: there it costs speed, and some
    operations have no fixed order at all.
    """
    if device.type != "cpu":
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic
    fills = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    memory.fill_uninitialized_memory = False  # it would write every new tensor once more
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        memory.fill_uninitialized_memory = fills
