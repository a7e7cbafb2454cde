"""Names of files that somebody sends: one plain name, never a way to another folder."""

from __future__ import annotations

import unicodedata

from redraft.core.errors import UsageError

LONGEST = 200
"""Bytes of a name; file systems take 255."""
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
"""Names that mean a device on Windows, with any ending."""


def plain_name(name: str) -> str:
    """The name in Unicode's composed form. UsageError for one that holds a folder, a control character or nothing,
    that begins with a point, or that a system takes for something else."""
    name = unicodedata.normalize("NFC", name)
    wrong = (
        not name
        or name[0] == "."
        or name != name.strip()
        or name[-1] == "."
        or any(character in '/\\:*?"<>|' or not character.isprintable() for character in name)
        or name.partition(".")[0].lower() in RESERVED
    )
    try:
        too_long = len(name.encode()) > LONGEST
    except UnicodeEncodeError:  # half a character
        wrong, too_long = True, False
    if wrong or too_long:
        raise UsageError(
            "this is no name for a file" if wrong else f"a file's name may have {LONGEST} bytes at most",
            where="name",
            remedy="Give a plain name without a folder, such as plates.zip",
        )
    return name
