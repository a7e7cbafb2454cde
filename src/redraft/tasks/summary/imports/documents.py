"""`data import documents`: tables and folders of documents with summaries, read as streams, taken by lot.

A first reading learns ids alone. Then the held-out splits are filled in the order of the lots, and the rest is
trained on in the order of the source; a document that comes again, in whichever split, is left out.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, RedraftError, UsageError
from redraft.core.task import Imported
from redraft.core.work import Work
from redraft.tasks.summary.imports.admit import Admission
from redraft.tasks.summary.imports.folders import TABLES, Folder, holds_documents, open_table
from redraft.tasks.summary.imports.settings import SPLITS, Settings, counts_of, lot, read_settings
from redraft.tasks.summary.imports.split_files import read_split_file
from redraft.tasks.summary.imports.tables import Table
from redraft.tasks.summary.imports.tables_read import Reading

CHUNK = 256
"""Rows of the held-out splits that are held at once."""
BYTES_A_CHARACTER = 6
"""The most that JSON takes for a character of the basic plane."""


def import_documents(source: str, options: Mapping[str, Any], work: Work) -> Iterator[Imported]:
    """Distinct documents with summaries. Options: train, validation, test, seed, split_file, columns, licence, and
    those of the task; without counts, the splits that the rows name (`original_split`), else a tenth of them, at
    most 100, is held out to validate."""
    settings = read_settings(options)
    tables = _tables(Path(source), settings, work)
    readings = [Reading(table, settings, alone=len(tables) == 1) for table in tables]
    survey = _Survey(readings, settings, work)
    admission = Admission(settings, work)
    for split in ("test", "validation", "train"):
        wanted = survey.counts[split]
        if wanted == 0:
            continue
        taken = 0
        for imported in survey.examples(split, admission):
            taken += 1
            if wanted is not None:
                work.progress(f"importing {split}", taken, wanted)
            if imported is not None:
                yield imported
            if taken == wanted:
                break
        if wanted is not None and taken < wanted:
            said = f"{split}: {taken:,} of the {wanted:,} documents asked for: the source has no more that fit"
            work.log(said, "warning")
    admission.finish(source)


class _Survey:
    """Where every row is, and in which split it may come."""

    def __init__(self, readings: Sequence[Reading], settings: Settings, work: Work) -> None:
        self._readings, self._work = readings, work
        self._tables, self._places, self._lots = array("l"), array("q"), array("Q")
        own: list[str | None] = []
        listed = read_split_file(Path(settings.split_file)) if settings.split_file else None
        ids: set[int] = set()
        for number, reading in enumerate(readings):
            for place, row in reading.ids():
                size = reading.table.size()
                work.progress("reading ids", min(reading.table.position(), size), size)
                if isinstance(row, InputError):
                    work.left_out(reading.name(place), row.what)
                    continue
                key = lot(-1, row.id)
                if key in ids:
                    work.left_out(row.id, "this id comes a second time")
                    continue
                ids.add(key)
                if listed is not None and row.id not in listed:
                    continue
                own.append(listed[row.id] if listed is not None else row.split)
                self._tables.append(number)
                self._places.append(place)
                self._lots.append(lot(settings.seed, row.id))
        if listed is not None or (not settings.counts and any(own)):
            self.own: list[str | None] | None = own
            self.counts: dict[str, int | None] = {s: settings.counts.get(s) for s in SPLITS}
        else:
            self.own = None
            self.counts = counts_of(settings.counts, len(self._places))
        self._used = bytearray(len(self._places))

    def examples(self, split: str, admission: Admission) -> Iterator[Imported | None]:
        """The split's examples; None for each that was written by an earlier import."""
        wanted = self.counts[split]
        candidates = [
            i for i in range(len(self._places))
            if not self._used[i] and (self.own is None or (self.own[i] or "train") == split)
        ]  # fmt: skip
        if wanted is None:
            yield from self._admitted(split, candidates, admission)
            return
        candidates.sort(key=self._lots.__getitem__)
        if split == "train":  # taken by lot, written in the source's order, topped up where some do not fit
            chosen = sorted(candidates[:wanted])
            yield from self._admitted(split, chosen, admission)
            candidates = candidates[wanted:]
        at = iter(candidates)
        while chunk := list(islice(at, min(CHUNK, max(wanted, 1)))):
            yield from self._admitted(split, chunk, admission, ordered=True)

    def _admitted(
        self, split: str, chosen: Sequence[int], admission: Admission, ordered: bool = False
    ) -> Iterator[Imported | None]:
        rows = self._rows(sorted(chosen) if ordered else chosen)
        if ordered:
            held = dict(rows)
            rows = ((index, held.pop(index)) for index in chosen if index in held)
        for done, (index, (reading, place, row)) in enumerate(rows, 1):
            self._used[index] = 1
            if self.counts[split] is None:
                self._work.progress(f"importing {split}", done, len(chosen))
            if isinstance(row, InputError):
                self._work.left_out(reading.name(place), row.what)
                continue
            try:
                yield admission.admit(split, reading.complete(row, place))
            except RedraftError as error:
                self._work.left_out(reading.name(place, row), error.what)

    def _rows(self, chosen: Sequence[int]) -> Iterator[tuple[int, tuple[Reading, int, Any]]]:
        """Ascending indices, so that every table is read once, from front to back."""
        start = 0
        while start < len(chosen):
            number = self._tables[chosen[start]]
            end = start
            while end < len(chosen) and self._tables[chosen[end]] == number:
                end += 1
            part = chosen[start:end]
            reading = self._readings[number]
            found = reading.rows(array("q", (self._places[index] for index in part)))
            for index, (place, row) in zip(part, found, strict=True):
                yield index, (reading, place, row)
            start = end


def _tables(path: Path, settings: Settings, work: Work) -> list[Table]:
    most = int(settings.summary["max_characters"])
    longest = BYTES_A_CHARACTER * most + (1 << 20)
    if path.is_file():
        return [open_table(path, path.stem, longest)]
    if not path.is_dir():
        raise UsageError("there is no such file or folder", where=str(path), remedy="Check the path")
    if holds_documents(path):
        if settings.columns:
            raise UsageError(
                "a folder of documents has no columns to map", remedy="Leave --column out, or give a table"
            )
        return [Folder(path, work, longest, settings.summary)]
    files = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in TABLES and not p.name.startswith(".")]
    if not files:
        raise InputError(
            "there is no document in it, and no table of them",
            where=str(path),
            remedy="Documents are .txt, .md, .rst, .pdf; tables are .jsonl, .csv, .tsv, .parquet",
        )
    return [open_table(p, p.relative_to(path).with_suffix("").as_posix(), longest) for p in files]
