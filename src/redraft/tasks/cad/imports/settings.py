"""What an import takes, out of the options by name that a command or a program gives."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redraft.core.errors import UsageError
from redraft.tasks.cad import options as cad_options

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Settings:
    """counts: examples wanted by split, None for all that are left. cad: the complete options of the task."""

    counts: Mapping[str, int | None]
    seed: int
    split_file: str | None
    cad: Mapping[str, Any]

    @property
    def order(self) -> list[str]:
        """The splits in the order in which they are filled: one that takes all that is left comes last."""
        return sorted(SPLITS, key=lambda split: self.counts[split] is None)


def read_settings(given: Mapping[str, Any], defaults: Mapping[str, int | None]) -> Settings:
    """given: train, validation, test, seed, split_file, and any option of the task; None counts as not given."""
    known = {name: value for name, value in given.items() if value is not None}
    counts: dict[str, int | None] = {}
    for split in SPLITS:
        count = known.pop(split, defaults.get(split, 0))
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            raise UsageError(f"{split} is {count!r}", remedy="Give a number of examples from 0 up")
        counts[split] = count
    if not any(count is None or count > 0 for count in counts.values()):
        raise UsageError("no example is asked for", remedy="Give --train, --validation or --test above 0")
    seed, split_file = int(known.pop("seed", 0)), known.pop("split_file", None)
    return Settings(counts, seed, str(split_file) if split_file else None, cad_options.complete(known))


def lot(seed: int, id: str) -> bytes:
    """A part's place in the seeded order, which depends on nothing but the seed and its id.

    So a folder and a tar of the same parts give the same choice, in whatever order they list them.
    """
    return hashlib.blake2b(f"{seed}:{id}".encode(), digest_size=8).digest()


def some_of(total: int) -> dict[str, int | None]:
    """The counts of a source that names none: a tenth for validation, at most 100, and the rest to train on."""
    return {"train": None, "validation": min(100, total // 10), "test": 0}
