"""The order of examples: a function of the seed and the epoch alone.

A run reads one endless stream: epoch 0 in its order, then epoch 1 in its own, and so on. One optimiser step takes
the next window of it. So the number of steps done says exactly where in the data a run stands, and a resumed run,
or one with more readers ahead, sees the same examples in the same batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy

BUCKET = 32
"""Batches from which like lengths are put together when examples are grouped by length."""


class Row(NamedTuple):
    """An example in the stream: its place among those that are trained on, and its epoch, both from 0."""

    place: int
    epoch: int


class Batches(Protocol):
    """What the loop asks of an order."""

    @property
    def steps(self) -> float:
        """Steps to the stream's end; infinite where nothing ends it."""
        ...

    def rows(self, step: int) -> list[list[Row]]:
        """The micro-batches of a step (from 0); empty beyond the stream's end. One may hold rows of two epochs."""
        ...

    def batches(self, step: int) -> list[list[int]]:
        """The same as indices of examples alone."""
        ...

    def seen(self, step: int) -> int:
        """Examples that the first steps have taken, with repeats."""
        ...


@dataclass(frozen=True)
class Order:
    """count examples in windows of batch_size * accumulate.

    epochs: ends the stream; the last window may be smaller. lengths: tokens of each example; given, batches hold
    examples of like length, drawn from stretches of BUCKET batches, so that little is padded.
    """

    count: int
    batch_size: int
    accumulate: int
    seed: int
    epochs: float = math.inf
    lengths: tuple[int, ...] | None = None

    @property
    def window(self) -> int:
        """Examples of one optimiser step."""
        return self.batch_size * self.accumulate

    @property
    def total(self) -> float:
        """Examples of the whole stream, with repeats; infinite where nothing ends it."""
        return math.inf if math.isinf(self.epochs) else max(1, round(self.epochs * self.count))

    def seen(self, step: int) -> int:
        """Examples that the first steps have taken, with repeats."""
        return int(min(step * self.window, self.total))

    @property
    def steps(self) -> float:
        return math.inf if math.isinf(self.total) else math.ceil(self.total / self.window)

    def rows(self, step: int) -> list[list[Row]]:
        """The micro-batches of a step (from 0); empty beyond the stream's end. One may hold rows of two epochs."""
        start = step * self.window
        stop = int(min(start + self.window, self.total))
        rows = [self._at(position) for position in range(start, stop)]
        return [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]

    def batches(self, step: int) -> list[list[int]]:
        """The same as indices of examples alone."""
        return [[row.place for row in batch] for batch in self.rows(step)]

    def _at(self, position: int) -> Row:
        epoch, place = divmod(position, self.count)
        return Row(int(epoch_order(self.count, self.seed, epoch, self.batch_size, self.lengths)[place]), epoch)


@lru_cache(maxsize=4)
def epoch_order(
    count: int, seed: int, epoch: int, batch_size: int = 1, lengths: tuple[int, ...] | None = None
) -> numpy.ndarray:
    """The indices 0 to count - 1 in the order of one epoch, int64 [count]."""
    random = numpy.random.Generator(numpy.random.PCG64([seed & 0xFFFFFFFF, epoch]))
    order = random.permutation(count)
    if lengths is None:
        return order
    sizes = numpy.asarray(lengths)
    pieces: list[numpy.ndarray] = []
    stretch = batch_size * BUCKET
    for start in range(0, count, stretch):
        part = order[start : start + stretch]
        part = part[numpy.argsort(sizes[part], kind="stable")]
        batches = [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
        # A short last batch stays last: in front it would shift all others off their borders.
        full, rest = [b for b in batches if len(b) == batch_size], [b for b in batches if len(b) < batch_size]
        pieces += [full[i] for i in random.permutation(len(full))] + rest
    return numpy.concatenate(pieces)
