"""Pieces of work that may be done on other machines.

What a task's `generate` decides, in its order, is decided in one process; what each example costs (building,
drawing) are pure pieces, which a Work may have done elsewhere. So a dataset is the same, byte by byte, on one
machine and on many with the same versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from redraft.core.work import Work

Payload = Mapping[str, Any]


@runtime_checkable
class MakesPieces(Protocol):
    """What a task may offer: its pieces, done in whatever process has opened the task by its name."""

    def pieces(self, job: str, payloads: Sequence[Payload]) -> list[Any]:
        """One result a payload, in order; the same ones everywhere. job: the task's own name for what is to be
        done. Payloads and results are sent between machines."""
        ...


@runtime_checkable
class Spreads(Protocol):
    """A Work that has pieces done elsewhere."""

    def spread(self, job: str, payloads: Iterable[Payload]) -> Iterator[Any]:
        """The results of `pieces`, in order. Payloads are taken ahead of what is asked for."""
        ...


def spreading(work: Work) -> Spreads | None:
    """The Work as one that has pieces done elsewhere; None where it has not."""
    return work if isinstance(work, Spreads) else None
