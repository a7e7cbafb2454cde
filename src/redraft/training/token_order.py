"""Batches by a budget of tokens: as many examples of like length as fit, so that a step costs about the same.

The stream is the one of `order.py`, epoch after epoch; each epoch is cut into batches by the seed and its number
alone, so the number of steps done still says exactly where a run stands.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy

from redraft.core.recipe import Train
from redraft.models.packing import rows
from redraft.training.order import BUCKET, Batches, Order, Row, epoch_order


def make_order(lengths: Sequence[int], settings: Train, seed: int) -> Batches:
    """The order that the recipe asks for. lengths: tokens of each example."""
    if settings.batch_tokens is not None:
        return TokenOrder(
            lengths, settings.batch_tokens, settings.accumulate, seed, settings.epochs, settings.pack
        )
    grouped = tuple(lengths) if settings.group_by_length else None
    return Order(len(lengths), settings.batch_size, settings.accumulate, seed, settings.epochs, grouped)


class TokenOrder:
    """Batches of at most `budget` tokens.

    lengths: tokens of each example, none above the budget. packed: a batch is one row, its tokens are the sum
    its examples' lengths; else it is padded, and its tokens are its longest length times its number of examples.
    epochs: ends the stream; a last part of an epoch takes that many examples of its order.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        budget: int,
        accumulate: int,
        seed: int,
        epochs: float = math.inf,
        packed: bool = False,
    ) -> None:
        self.lengths, self.budget, self.accumulate = tuple(lengths), budget, accumulate
        self.seed, self.epochs, self.packed = seed, epochs, packed
        self._starts = [0]
        """The number of the first batch of each epoch that was cut so far, and of the one behind them."""

    def rows(self, step: int) -> list[list[Row]]:
        """The micro-batches of a step (from 0); empty beyond the stream's end. Each is of one epoch."""
        first = step * self.accumulate
        found = (self._batch(number) for number in range(first, first + self.accumulate))
        return [batch for batch in found if batch is not None]

    def batches(self, step: int) -> list[list[int]]:
        """The same as indices of examples alone."""
        return [[row.place for row in batch] for batch in self.rows(step)]

    @property
    def steps(self) -> float:
        """Steps to the stream's end; infinite where nothing ends it."""
        if math.isinf(self.epochs):
            return math.inf
        while self._cut_next():
            pass
        return math.ceil(self._starts[-1] / self.accumulate)

    def seen(self, step: int) -> int:
        """Examples that the first steps have taken, with repeats."""
        number = step * self.accumulate
        while self._starts[-1] < number and self._cut_next():
            pass
        epoch = bisect.bisect_right(self._starts, number) - 1
        rest = self._epoch(epoch)[: number - self._starts[epoch]]
        return sum(self._examples(e) for e in range(epoch)) + sum(len(batch) for batch in rest)

    def _batch(self, number: int) -> list[Row] | None:
        while self._starts[-1] <= number:
            if not self._cut_next():
                return None
        epoch = bisect.bisect_right(self._starts, number) - 1
        return [Row(place, epoch) for place in self._epoch(epoch)[number - self._starts[epoch]]]

    def _cut_next(self) -> bool:
        """Counts the batches of the next epoch; False where the stream ends before it."""
        found = self._epoch(len(self._starts) - 1)
        if found:
            self._starts.append(self._starts[-1] + len(found))
        return bool(found)

    def _examples(self, epoch: int) -> int:
        """Examples of an epoch: all, fewer in a last part of one, none beyond it."""
        count = len(self.lengths)
        if math.isinf(self.epochs):
            return count
        return max(0, min(count, max(1, round(self.epochs * count)) - epoch * count))

    def _epoch(self, epoch: int) -> list[list[int]]:
        return epoch_batches(self.lengths, self.seed, epoch, self.budget, self.packed, self._examples(epoch))


@lru_cache(maxsize=4)
def epoch_batches(
    lengths: tuple[int, ...], seed: int, epoch: int, budget: int, packed: bool, count: int
) -> list[list[int]]:
    """The batches of the first `count` examples of an epoch's order."""
    order = epoch_order(len(lengths), seed, epoch)[:count]
    if not len(order):
        return []
    sizes = numpy.asarray(lengths)
    stretch = max(1, round(BUCKET * budget / float(sizes.mean())))
    random = numpy.random.Generator(numpy.random.PCG64([seed & 0xFFFFFFFF, epoch, 1]))
    found: list[list[int]] = []
    for start in range(0, len(order), stretch):
        part = order[start : start + stretch]
        cut = _packed(part, sizes, budget) if packed else _padded(part, sizes, budget)
        found += [cut[i] for i in random.permutation(len(cut))]
    return found


def _padded(part: numpy.ndarray, sizes: numpy.ndarray, budget: int) -> list[list[int]]:
    """Like lengths together, from the longest: the first of a batch says how many fit."""
    found: list[list[int]] = []
    for index in part[numpy.argsort(-sizes[part], kind="stable")].tolist():
        if not found or (len(found[-1]) + 1) * sizes[found[-1][0]] > budget:
            found.append([])
        found[-1].append(index)
    return found


def _packed(part: numpy.ndarray, sizes: numpy.ndarray, budget: int) -> list[list[int]]:
    return [part[row].tolist() for row in rows(sizes[part].tolist(), budget)]
