"""What an import of documents takes, out of the options by name that a command or a program gives."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redraft.core.errors import UsageError
from redraft.tasks.summary import options as summary_options

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Settings:
    """counts: examples wanted by split, None for all that are left; empty where none is given. written: ids of
    examples that an earlier, stopped import has made, with split and key. summary: the task's complete options."""

    counts: Mapping[str, int | None]
    seed: int
    split_file: str | None
    columns: Mapping[str, str]
    licence: str
    written: Mapping[str, tuple[str, str]]
    summary: Mapping[str, Any] = field(repr=False)


def read_settings(given: Mapping[str, Any]) -> Settings:
    """given: train, validation, test, seed, split_file, columns, licence, written, and options of the task."""
    known = {name: value for name, value in given.items() if value is not None}
    counts: dict[str, int | None] = {}
    for split in SPLITS:
        count = known.pop(split, None)
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            raise UsageError(f"{split} is {count!r}", remedy="Give a number of examples from 0 up")
        if count is not None:
            counts[split] = count
    if counts and not any(counts.values()) and "train" in counts:
        raise UsageError("no example is asked for", remedy="Give --train, --validation or --test above 0")
    split_file = known.pop("split_file", None)
    return Settings(
        counts,
        int(known.pop("seed", 0)),
        str(split_file) if split_file else None,
        dict(known.pop("columns", {})),
        str(known.pop("licence", "")),
        known.pop("written", {}),
        summary_options.complete(known),
    )


def counts_of(given: Mapping[str, int | None], total: int) -> dict[str, int | None]:
    """The counts with what is not given: all the rest to train on, and none held out. Without any count, a tenth
    is held out for validation, at most 100."""
    validation = 0 if given else min(100, total // 10)
    return {"train": None, "validation": validation, "test": 0, **given}


def lot(seed: int, id: str) -> int:
    """An example's place in the seeded order, 64 bits, which depends on nothing but the seed and its id."""
    digest = hashlib.blake2b(f"{seed}:{id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
