"""Names of parts inside a source, as ids of examples; names that lead out of it are refused."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from redraft.core.errors import InputError

NUMBERED = re.compile(r"(\d{8})(\..*)?")
"""DeepCAD's file names; OpenECAD's own texts are called 00001005.openecad.txt."""
SHOWN = 200


def part_id(name: str) -> str:
    """DeepCAD's number where the file is named by one, else the path inside the source without its last suffix."""
    path = PurePosixPath(name)
    numbered = NUMBERED.fullmatch(path.name)
    return numbered[1] if numbered else str(path.with_suffix(""))


def refuse_unsafe(name: str, source: str) -> None:
    """Raises InputError for a name that is absolute, leads upwards, or holds characters that print as nothing."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name) or not name.isprintable():
        raise InputError(
            f"the name {name[:SHOWN]!r} leads out of the source",
            where=source,
            remedy="Do not use this file: it was not made by the data set's authors",
        )
