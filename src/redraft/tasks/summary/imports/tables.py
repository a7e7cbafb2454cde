"""Files of rows, read as streams: JSON Lines, CSV, TSV and Parquet, and a folder with several of them.

A row that cannot be read comes as the error that says why; the others go on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from redraft.core.errors import InputError

Row = Mapping[str, Any]
MAX_ROW = 64 << 20
"""Bytes of one row of a text file, whatever the options allow: it is held in memory."""


class Table(Protocol):
    path: Path
    stem: str
    """Names its rows where they have no ids."""
    columns: tuple[str, ...]

    def read(
        self, names: Collection[str], places: Sequence[int] | None = None
    ) -> Iterator[tuple[int, Row | InputError]]:
        """Rows with their numbers from 0, of the named columns (perhaps more); places: some of them, ascending."""
        ...

    def name(self, place: int) -> str:
        """Of a row that has no id of its own."""
        ...

    def size(self) -> int:
        """Bytes, for the progress of a first reading."""
        ...

    def position(self) -> int:
        """Bytes read so far."""
        ...


def numbered(stem: str, place: int) -> str:
    return f"{stem}-{place:08d}"


def row_problem(what: str) -> InputError:
    return InputError(what, remedy="Mend the row, or leave it out")
