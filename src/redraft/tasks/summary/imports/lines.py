"""JSON Lines, CSV and TSV: files of text whose rows are found again by their offsets."""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from array import array
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from redraft.core.errors import InputError
from redraft.tasks.summary.imports.tables import MAX_ROW, Row, numbered, row_problem

BOM = b"\xef\xbb\xbf"
SAMPLE = 200
"""Rows of JSON Lines that are looked at to know the columns."""
DELIMITERS = (",", ";", "\t", "|")


class LineTable(ABC):
    """What both kinds share: offsets, learnt at the first full reading, 8 bytes a row."""

    def __init__(self, path: Path, stem: str, longest: int = MAX_ROW) -> None:
        self.path, self.stem, self.longest = path, stem, min(longest, MAX_ROW)
        self.columns: tuple[str, ...] = ()
        self._offsets = array("q")
        self._complete = False
        self._at = 0

    def name(self, place: int) -> str:
        return numbered(self.stem, place)

    def size(self) -> int:
        return self.path.stat().st_size

    def position(self) -> int:
        return self._at

    def read(
        self, names: Collection[str], places: Sequence[int] | None = None
    ) -> Iterator[tuple[int, Row | InputError]]:
        with _opened(self.path) as file:
            if places is None:
                learn = not self._complete
                for place, (offset, row) in enumerate(self._rows(file)):
                    if learn:
                        self._offsets.append(offset)
                    self._at = file.tell()
                    yield place, row
                self._complete = True
                return
            for place in places:
                file.seek(self._offsets[place])
                _, row = next(self._rows(file, start=self._offsets[place]))
                yield place, row

    @abstractmethod
    def _rows(self, file: BinaryIO, start: int | None = None) -> Iterator[tuple[int, Row | InputError]]:
        """Rows with their offsets, from the file's position. start: of a row; None: the file's beginning."""


class JsonLines(LineTable):
    def __init__(self, path: Path, stem: str, longest: int = MAX_ROW) -> None:
        super().__init__(path, stem, longest)
        found: dict[str, None] = {}
        with _opened(path) as file:
            for number, (_, row) in enumerate(self._rows(file)):
                if number >= SAMPLE:
                    break
                if not isinstance(row, InputError):
                    found.update(dict.fromkeys(row))
        self.columns = tuple(found)
        if not found:
            raise InputError(
                "there is no row in it that can be read",
                where=str(path),
                remedy='Give one JSON object a line, such as {"text": ..., "summary": ...}',
            )

    def _rows(self, file: BinaryIO, start: int | None = None) -> Iterator[tuple[int, Row | InputError]]:
        while True:
            offset = file.tell()
            line = file.readline(self.longest + 1)
            if not line:
                return
            if len(line) > self.longest:
                length = len(line) + _skip_line(file)
                yield offset, row_problem(f"the row is too long: {length / 1e6:.0f} MB")
                continue
            if offset == 0:
                line = line.removeprefix(BOM)
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield offset, row_problem(f"not a line of JSON ({_first(error)})")
                continue
            if not isinstance(row, dict):
                yield offset, row_problem("the line is no JSON object")
                continue
            yield offset, row


class Csv(LineTable):
    """Fields as the first line names them, quoted as spreadsheets do it. The separator is told from that line."""

    def __init__(self, path: Path, stem: str, longest: int = MAX_ROW) -> None:
        super().__init__(path, stem, longest)
        csv.field_size_limit(MAX_ROW)
        with _opened(path) as file:
            head = file.readline(1 << 20).removeprefix(BOM).decode("utf-8", "surrogateescape")
            self._delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=head.count)
            file.seek(0)
            reader = csv.reader(_Lines(file, self.longest), delimiter=self._delimiter)
            try:
                self.columns = tuple(name.strip() for name in next(reader, []))
            except csv.Error as error:
                raise _no_table(path, str(error)) from None
            self._first = file.tell()
        if not any(self.columns):
            raise _no_table(path, "its first line is empty")
        twice = next((name for name in self.columns if self.columns.count(name) > 1), None)
        if twice is not None:
            raise _no_table(path, f"its first line names '{twice}' twice")

    def _rows(self, file: BinaryIO, start: int | None = None) -> Iterator[tuple[int, Row | InputError]]:
        file.seek(self._first if start is None else start)
        lines = _Lines(file, self.longest)
        reader = csv.reader(lines, delimiter=self._delimiter)
        while True:
            offset, before = file.tell(), reader.line_num
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield offset, row_problem(f"the row cannot be read ({error})")
                continue
            if not fields:
                continue
            if len(fields) != len(self.columns):
                lines_taken = reader.line_num - before
                long = f", over {lines_taken:,} lines: is a quotation mark not closed?" if lines_taken > 1 else ""
                reason = f"the row has {len(fields)} fields and the head {len(self.columns)}{long}"
                yield offset, row_problem(reason)
                continue
            yield offset, dict(zip(self.columns, fields, strict=True))


class _Lines:
    """The lines of a file as texts, one at a time, so that the file's position is where the next row begins."""

    def __init__(self, file: BinaryIO, longest: int) -> None:
        self._file, self._longest = file, longest

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        first = self._file.tell() == 0
        line = self._file.readline(self._longest + 1)
        if not line:
            raise StopIteration
        if len(line) > self._longest:
            length = len(line) + _skip_line(self._file)
            raise csv.Error(f"it is too long: {length / 1e6:.0f} MB")
        # What is no UTF-8 stays visible as such, so that the row is refused and not its neighbours.
        return (line.removeprefix(BOM) if first else line).decode("utf-8", "surrogateescape")


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=str(path), remedy="Check the file and its permissions"
        ) from None


def _skip_line(file: BinaryIO) -> int:
    """Goes to the next line without holding this one; its length from here."""
    length = 0
    while piece := file.readline(1 << 20):
        length += len(piece)
        if piece.endswith(b"\n"):
            break
    return length


def _no_table(path: Path, why: str) -> InputError:
    return InputError(
        f"not a table with a head ({why})",
        where=str(path),
        remedy="Its first line names the columns, such as text,summary",
    )


def _first(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
