"""A Parquet file as a table: batches of rows, so that one row group of a gigabyte is never held whole."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.tasks.summary.imports.tables import Row, numbered

BATCH = 64
"""Rows decoded at once."""


class ParquetTable:
    def __init__(self, path: Path, stem: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path, self.stem = path, stem
        self._faults = (OSError, pa.ArrowException, UnicodeDecodeError)
        try:
            self._file: Any = pq.ParquetFile(path, memory_map=True)
        except self._faults as error:
            raise self._broken(error) from None
        meta = self._file.metadata
        self.columns: tuple[str, ...] = tuple(self._file.schema_arrow.names)
        sizes = (meta.row_group(group).num_rows for group in range(meta.num_row_groups))
        self._starts: list[int] = [0, *accumulate(sizes)]
        self._at = 0

    def name(self, place: int) -> str:
        return numbered(self.stem, place)

    def size(self) -> int:
        return self._starts[-1]

    def position(self) -> int:
        return self._at

    def read(
        self, names: Collection[str], places: Sequence[int] | None = None
    ) -> Iterator[tuple[int, Row | InputError]]:
        if not names:  # nothing is asked for but the rows' numbers
            yield from ((place, {}) for place in (range(self._starts[-1]) if places is None else places))
            return
        wanted = None if places is None else set(places)
        if places is None:
            groups = list(range(len(self._starts) - 1))
        else:
            groups = sorted({bisect_right(self._starts, place) - 1 for place in places})
        for group in groups:
            place = self._starts[group]
            try:
                batches = self._file.iter_batches(
                    BATCH, row_groups=[group], columns=sorted(names), use_threads=False
                )
                for batch in batches:
                    if wanted is None or not wanted.isdisjoint(range(place, place + len(batch))):
                        for index, row in enumerate(_rows(batch)):
                            if wanted is None or place + index in wanted:
                                yield place + index, row
                    place += len(batch)
                    self._at = place
            except self._faults as error:
                raise self._broken(error) from None

    def _broken(self, error: Exception) -> InputError:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        return InputError(f"not a whole Parquet file ({reason})", where=str(self.path), remedy="Copy it again")


def _rows(batch: Any) -> list[dict[str, Any]]:
    """The batch's rows. Text that is no UTF-8 stays visible as such, so that its row is refused and no other."""
    import pyarrow as pa

    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
        return rows
    except UnicodeDecodeError:
        columns = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                found = column.cast(pa.large_binary()).to_pylist()
                columns[name] = [v if v is None else v.decode("utf-8", "surrogateescape") for v in found]
            else:
                columns[name] = column.to_pylist()
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
