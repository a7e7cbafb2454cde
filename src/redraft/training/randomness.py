"""The random states of a process as tensors, so that a resumed run draws what an unbroken one would have drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy
import torch
from torch import Tensor


def seed_all(seed: int) -> None:
    """Seeds Python, NumPy and torch on every device."""
    random.seed(seed)
    numpy.random.seed(seed & 0xFFFFFFFF)
    torch.manual_seed(seed)


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
        for index, state in enumerate(torch.cuda.get_rng_state_all()):
            found[f"random/cuda{index}"] = state
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
