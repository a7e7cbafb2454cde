"""How a step's examples are shared by processes: the step stays the same, whatever their number.

A step takes the same examples with one process or with many, so its gradient is the same sum in another order.
Whole micro-batches are shared where their number allows it; what is left over is cut into parts of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Place = TypeVar("Place")
"""Whatever stands for an example in the stream."""


@dataclass(frozen=True, slots=True)
class Share(Generic[Place]):
    """A micro-batch of one process. counts: False for one that is computed for company alone, with no loss.

    Processes that share gradients must all do equally many passes; one that has nothing left repeats an example.
    """

    rows: tuple[Place, ...]
    counts: bool = True


def share(batches: Sequence[Sequence[Place]], rank: int, count: int) -> list[Share[Place]]:
    """The micro-batches of process `rank` of `count`; every process gets equally many, none only where there are
    none at all. Together those that count hold every example once."""
    whole = len(batches) - len(batches) % count
    mine = [Share(tuple(batches[place])) for place in range(rank, whole, count)]
    for batch in batches[whole:]:
        rows = tuple(batch[rank::count])
        mine.append(Share(rows) if rows else Share(tuple(batch[-1:]), counts=False))
    return mine
