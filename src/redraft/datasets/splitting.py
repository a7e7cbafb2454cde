"""Which examples of a source become which split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from redraft.core.errors import UsageError
from redraft.core.work import Work

SPLITS = ("train", "validation", "test")


def lot(seed: int, id: str) -> bytes:
    """An example's place in a seeded order, whatever the order of its source."""
    return hashlib.blake2b(f"{seed}:{id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def assign(ids: Iterable[str], counts: Mapping[str, int | None], seed: int) -> dict[str, str]:
    """Id to split, by lot: first the test split is filled, then validation, then train.

    counts: examples wanted by split; None for train takes all that are left. An id that no split wanted is absent.
    So a larger training set leaves test and validation as they are.
    """
    order = sorted(dict.fromkeys(ids), key=lambda id: lot(seed, id))
    assigned: dict[str, str] = {}
    at = 0
    for split in reversed(SPLITS):
        wanted = counts.get(split)
        if wanted is None and split != "train":
            continue
        end = len(order) if wanted is None else at + wanted
        assigned.update(dict.fromkeys(order[at:end], split))
        at = end
    return assigned


def wanted_counts(options: Mapping[str, object]) -> dict[str, int | None]:
    """Options train, validation and test as counts; what is not given is None. A wrong one is a UsageError."""
    counts: dict[str, int | None] = {}
    for split in SPLITS:
        given = options.get(split)
        if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < 0):
            raise UsageError(f"{split} is {given!r}", remedy="Give a number of examples from 0 up")
        counts[split] = given
    return counts


def say_short(counts: Mapping[str, int | None], taken: Mapping[str, int], work: Work) -> None:
    """Warns of every split that got fewer examples than were asked for."""
    for split, wanted in counts.items():
        got = taken.get(split, 0)
        if wanted is not None and got < wanted:
            work.log(
                f"{split}: {got:,} of the {wanted:,} examples asked for: the source has no more that fit",
                "warning",
            )
