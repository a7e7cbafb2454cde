"""A table through the mapping of its columns: ids first, then whole rows by our names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.core.columns import match_columns, split_word
from redraft.core.errors import InputError
from redraft.tasks.summary.imports.folders import Folder
from redraft.tasks.summary.imports.settings import Settings
from redraft.tasks.summary.imports.tables import Row, Table
from redraft.tasks.summary.rows import MAX_PICTURE


@dataclass(frozen=True, slots=True)
class Named:
    """A row's id, and the split that it names itself or its file does, or None."""

    id: str
    split: str | None


class Reading:
    def __init__(self, table: Table, settings: Settings, alone: bool) -> None:
        """alone: the only table of its source, whose name says nothing of a split."""
        from redraft.tasks.summary.task import TASK

        self.table, self._settings = table, settings
        usual = {**TASK.row_columns, "file": ("file",)}
        where = str(table.path)
        if isinstance(table, Folder):  # one file is a text, the next a scan: both columns count
            self.columns = {name: name for name in table.columns}
        else:
            self.columns = match_columns(usual, TASK.row_needed, settings.columns, table.columns, where)
        self._split = None if alone else split_word(table.stem)

    def ids(self) -> Iterator[tuple[int, Named | InputError]]:
        """Every row's number, with its id or why it cannot be read."""
        names = {self.columns[ours] for ours in ("id", "original_split") if ours in self.columns}
        for place, row in self.table.read(names):
            if isinstance(row, InputError):
                yield place, row
                continue
            split = self._ours(row, "original_split")
            yield place, Named(self.name(place, row), split_word(str(split)) if split else self._split)

    def rows(self, places: Sequence[int]) -> Iterator[tuple[int, Row | InputError]]:
        """Whole rows by their columns' names; places ascending."""
        return self.table.read(set(self.columns.values()), places)

    def name(self, place: int, row: Row | None = None) -> str:
        """The row's id; without one, the table's name and the row's number."""
        given = self._ours(row, "id") if row is not None else None
        return self.table.name(place) if given in (None, "") else str(given)

    def complete(self, row: Row, place: int) -> dict[str, Any]:
        """The row by our columns' names, with pictures loaded and what the whole import says of it."""
        found = {ours: self._ours(row, ours) for ours in self.columns}
        found["id"] = self.name(place, row)
        found["source_dataset"] = found.get("source_dataset") or self.table.stem
        if not found.get("licence"):
            found["licence"] = self._settings.licence
        if isinstance(found.get("image"), str | list):
            found["image"] = _pictures(found["image"], self.table.path.parent)
        return found

    def _ours(self, row: Row, ours: str) -> Any:
        return row.get(self.columns[ours]) if ours in self.columns else None


def _pictures(given: Any, folder: Path) -> Any:
    """Names of picture files, relative to the table's folder, as their bytes; anything else as it is."""
    if isinstance(given, str):
        return _load(given, folder) if given else None
    return [_load(page, folder) if isinstance(page, str) else page for page in given]


def _load(name: str, folder: Path) -> Mapping[str, Any]:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError(f"its picture lies outside of the source's folder: {name[:200]!r}")
    try:
        if path.stat().st_size > MAX_PICTURE:
            raise InputError(f"its picture has more than {MAX_PICTURE >> 20} MB: {name}")
        return {"path": path.name, "bytes": path.read_bytes()}
    except (OSError, ValueError) as error:
        reason = "missing" if isinstance(error, FileNotFoundError) else "not readable"
        raise InputError(f"its picture is {reason}: {name[:200]}") from None
