"""Which column of somebody's table is which of ours, and which split a name means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from redraft.core.errors import InputError, UsageError

Needed = Sequence[tuple[str, ...]]
"""Our columns that a table must have: of each group one."""
_WORDS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation"} | {
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
SHOWN = 30


def match_columns(
    usual: Mapping[str, tuple[str, ...]],
    needed: Needed,
    given: Mapping[str, str],
    present: Sequence[str],
    where: str,
) -> dict[str, str]:
    """Our columns to theirs, as far as the table has them.

    usual: our column to the names it usually has elsewhere, the likeliest first; letter case does not count.
    given: named by the user; it wins, and of a group of `needed` that it names one of, the others are looked for
    no more. A name of ours that does not exist is a UsageError, one that the table has not an InputError.
    """
    found: dict[str, str] = {}
    for ours, theirs in given.items():
        if ours not in usual:
            raise UsageError(f"there is no column '{ours}' to map", remedy=f"Choose one of: {', '.join(usual)}")
        if theirs not in present:
            raise InputError(f"there is no column '{theirs}'", where=where, remedy=f"It has: {_listed(present)}")
        found[ours] = theirs
    spelled = {name.strip().casefold(): name for name in reversed(present)}
    for ours, names in usual.items():
        settled = any(ours in group and found.keys() & set(group) for group in needed)
        if ours in found or settled:
            continue
        usually = next((spelled[name] for name in names if name in spelled), None)
        if usually is not None and usually not in found.values():
            found[ours] = usually
    for group in needed:
        if not found.keys() & set(group):
            looked = ", ".join(dict.fromkeys(name for ours in group for name in usual[ours]))
            raise InputError(
                f"no column holds the {' or the '.join(group)} (looked for: {looked})",
                where=where,
                remedy=f"Name it with --column {group[0]}=THEIRS. It has: {_listed(present)}",
            )
    return found


def split_word(name: str) -> str | None:
    """train, validation or test where the name holds one of the usual words for it."""
    return next((_WORDS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in _WORDS), None)


def _listed(present: Sequence[str]) -> str:
    more = f" and {len(present) - SHOWN} more" if len(present) > SHOWN else ""
    return ", ".join(str(name)[:60] for name in present[:SHOWN]) + more
