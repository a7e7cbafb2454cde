"""Random access to the rows of one Parquet file, mapped into memory.

Everything that can be wrong with a file (missing, cut off, no Parquet, a damaged page) is an InputError.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from redraft.core.errors import InputError


class Shard:
    """One Parquet file. Safe to use from threads; sent to another process, it opens the file again there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path, memory_map=True)
        except FileNotFoundError:
            raise InputError(
                "this file of the dataset is missing",
                where=str(path),
                remedy="Copy it again, or make the dataset again",
            ) from None
        except (OSError, pa.ArrowException) as error:
            raise _broken(path, error) from None
        meta = self._file.metadata
        self.rows: int = meta.num_rows
        self.columns: tuple[str, ...] = tuple(self._file.schema_arrow.names)
        self._starts = [0, *accumulate(meta.row_group(g).num_rows for g in range(meta.num_row_groups))]
        self._lock = threading.Lock()
        self._held: tuple[int, tuple[str, ...], pa.Table] | None = None

    def __reduce__(self) -> tuple[type[Shard], tuple[Path]]:
        return Shard, (self.path,)

    def row(self, index: int, columns: Sequence[str]) -> dict[str, Any]:
        """Row `index` of the file (0 to rows - 1), the named columns alone."""
        group = bisect_right(self._starts, index) - 1
        with self._lock:
            if self._held is None or self._held[:2] != (group, tuple(columns)):
                self._held = (group, tuple(columns), self._read(group, columns))
            table = self._held[2]
        return _rows(table.slice(index - self._starts[group], 1))[0]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.iterate(self.columns)

    def iterate(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """All rows in order, one row group in memory at a time."""
        for group in range(len(self._starts) - 1):
            with self._lock:
                table = self._read(group, columns)
            yield from _rows(table)

    def column(self, name: str) -> list[Any]:
        """One whole column."""
        try:
            with self._lock:
                values: list[Any] = self._file.read([name], use_threads=False).column(0).to_pylist()
            return values
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise _broken(self.path, error) from None

    def _read(self, group: int, columns: Sequence[str]) -> pa.Table:
        try:
            return self._file.read_row_group(group, columns=list(columns), use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise _broken(self.path, error) from None


def _broken(path: Path, error: Exception) -> InputError:
    reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
    return InputError(
        f"not a whole Parquet file ({reason})", where=str(path), remedy="Copy it again, or make the dataset again"
    )


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """The table's rows. Text that is no UTF-8 stays visible as such: its reader refuses that row and no other."""
    try:
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows
    except UnicodeDecodeError:
        columns = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                found = column.cast(pa.large_binary()).to_pylist()
                columns[name] = [v if v is None else v.decode("utf-8", "surrogateescape") for v in found]
            else:
                columns[name] = column.to_pylist()
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
