"""Opens a dataset folder: random access by index and by id, images drawn where none are kept."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, overload

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example
from redraft.core.task import Task
from redraft.datasets.drawers import FEWEST
from redraft.datasets.drawing import Drawing, draw_ahead, drawing, say_changes, version_changes
from redraft.datasets.fingerprint import Fingerprint, combine, digest_of
from redraft.datasets.foreign import Columns
from redraft.datasets.foreign_rows import RowColumns, RowReading, reads_rows
from redraft.datasets.manifest import KIND, File, Manifest, read_manifest
from redraft.datasets.parquet import Shard
from redraft.datasets.repository import shards_of
from redraft.datasets.rows import COLUMNS, to_example

Problem = Callable[[str, InputError], None]
"""Told of a file's relative path and what is wrong with it, where a reader shall go on without it."""


class Split(Sequence[Example]):
    """The examples of one split, in order. Reading is safe from threads and in forked or spawned processes."""

    def __init__(
        self, name: str, shards: Sequence[Shard], columns: Columns | RowColumns | None, draw: Drawing | None
    ) -> None:
        self.name = name
        self.left_out: tuple[tuple[str, str], ...] = ()
        """Rows of a foreign table that are no examples: id and reason."""
        self._shards, self._columns, self._draw = list(shards), columns, draw
        self._starts = [0, *accumulate(shard.rows for shard in shards)]
        self._chosen: tuple[int, ...] | None = None
        self._by_id: dict[str, int] | None = None

    def __len__(self) -> int:
        return self._starts[-1] if self._chosen is None else len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self.example(i) for i in range(*index.indices(len(self)))]
        return self.example(index)

    def __iter__(self) -> Iterator[Example]:
        return self.iterate()

    def example(self, index: int, draw: bool = True) -> Example:
        """Example `index`; a negative one counts from the end. draw: whether to draw images that are not kept."""
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"{self.name} has {size} examples")
        at = index % size if self._chosen is None else self._chosen[index]
        number = bisect_right(self._starts, at) - 1
        shard = self._shards[number]
        row = shard.row(at - self._starts[number], self._names)
        example = self._example(row, at, shard)
        return self.drawn(example) if draw else example

    def drawn(self, example: Example) -> Example:
        """The example with its images, drawn where they are not kept and a task is at hand."""
        return example if self._draw is None else self._draw(example)

    def iterate(self, draw: bool = True) -> Iterator[Example]:
        """All examples in order. Over a whole split this is the fastest way: one row group after another, and
        images that are not kept are drawn on all cores."""
        kept = self._kept()
        if not draw or self._draw is None:
            return kept
        return draw_ahead(self._draw, kept, many=len(self) >= FEWEST)

    def _kept(self) -> Iterator[Example]:
        if self._chosen is not None:
            for index in range(len(self)):
                yield self.example(index, draw=False)
            return
        at = 0
        for shard in self._shards:
            for row in shard.iterate(self._names):
                yield self._example(row, at, shard)
                at += 1

    def for_keeping(self) -> None:
        """From here on images are drawn as a dataset keeps them (see `Drawing.for_keeping`)."""
        self._draw = None if self._draw is None else self._draw.for_keeping()

    @property
    def ids(self) -> list[str]:
        """The ids in order."""
        every = [f"{self.name}-{i:08d}" for i in range(self._starts[-1])]
        if self._columns is None or "id" in self._columns.names:
            column = "id" if self._columns is None else self._columns.names["id"]
            given = [value for shard in self._shards for value in shard.column(column)]
            every = [
                other if value in (None, "") else str(value) for value, other in zip(given, every, strict=True)
            ]
        return every if self._chosen is None else [every[i] for i in self._chosen]

    def position(self, id: str) -> int | None:
        """The index of the (first) example with this id, or None."""
        if self._by_id is None:
            found: dict[str, int] = {}
            for index, known in enumerate(self.ids):
                found.setdefault(known, index)
            self._by_id = found
        return self._by_id.get(id)

    def subset(self, indices: Sequence[int]) -> Split:
        """A split of these examples in this order."""
        chosen = tuple(range(self._starts[-1]) if self._chosen is None else self._chosen)
        part = Split(self.name, self._shards, self._columns, self._draw)
        part._chosen = tuple(chosen[i] for i in indices)
        part.left_out = self.left_out
        return part

    def evenly(self, limit: int | None) -> Split:
        """At most `limit` examples, evenly over the split and always the same ones; None takes all."""
        size = len(self)
        if limit is None or limit >= size:
            return self
        return self.subset([i * size // limit for i in range(limit)])

    @property
    def _names(self) -> Sequence[str]:
        return COLUMNS if self._columns is None else self._columns.needed

    def _example(self, row: Mapping[str, Any], at: int, shard: Shard) -> Example:
        where = f"{shard.path}, {self.name} row {at}"
        if self._columns is not None:
            return self._columns.example(row, self.name, at, where)
        return to_example(row, where)


class Dataset:
    """An open dataset folder. Make one with `Dataset.open`."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest | None,
        splits: Mapping[str, Split],
        options: Mapping[str, Any] | None = None,
        fingerprint: str | None = None,
    ) -> None:
        self.folder, self.manifest = folder, manifest
        self.splits: dict[str, Split] = dict(splits)
        self.version_changes: tuple[str, ...] = ()
        """What would draw its images in other versions than it was made with."""
        self._options = dict(manifest.options if manifest else options or {})
        self._fingerprint = manifest.fingerprint if manifest else fingerprint

    @classmethod
    def open(
        cls,
        folder: Path | str,
        task: Task | None = None,
        columns: Mapping[str, str] | None = None,
        problem: Problem | None = None,
        *,
        config: str = "",
        options: Mapping[str, Any] | None = None,
        constants: Mapping[str, str] | None = None,
    ) -> Dataset:
        """Opens a folder of ours, or any folder of Parquet files whose columns fit.

        task: draws images where the folder keeps none; without it such examples come without images. problem:
        is told of every broken or missing file, and the reader goes on without it; by default the first one is
        raised as an InputError. The others are for a folder without a manifest. columns: our column to theirs (see
        `foreign.OURS`, and the task's own where it reads rows). config: which of the configurations that its card
        names. options: of the task, where it makes examples of the rows; constants: its columns that are the same
        in all of them.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        report = problem or _stop
        if manifest is None:
            return _foreign(folder, task, columns or {}, report, config, options or {}, constants or {})
        draw = drawing(folder, manifest, task)
        changes = version_changes(manifest, task)
        if changes:
            warnings.warn(f"{folder}: {say_changes(changes)}", stacklevel=2)
        splits: dict[str, Split] = {}
        for name in manifest.counts:
            shards = []
            for file in (f for f in manifest.files if f.split == name and f.rows is not None):
                try:
                    shards.append(_shard(folder, file, strict=problem is None))
                except InputError as error:
                    report(file.path, error)
            splits[name] = Split(name, shards, None, draw)
        opened = cls(folder, manifest, splits)
        opened.version_changes = changes
        return opened

    def split(self, name: str) -> Split:
        """A split by name; an unknown one is a UsageError that names the known ones."""
        if name not in self.splits:
            raise UsageError(
                f"there is no split '{name}'",
                where=str(self.folder),
                remedy=f"It has: {', '.join(self.splits)}",
            )
        return self.splits[name]

    def find(self, id: str) -> tuple[Split, int]:
        """The split and the index of an example; an unknown id is a UsageError."""
        for split in self.splits.values():
            at = split.position(id)
            if at is not None:
                return split, at
        near = next((split.ids[0] for split in self.splits.values() if len(split)), "")
        raise UsageError(f"there is no example '{id}'", where=str(self.folder), remedy=f"Ids look like '{near}'")

    @property
    def task(self) -> str | None:
        """The name of the task it was made for, where its manifest says so."""
        return self.manifest.task if self.manifest else None

    @property
    def options(self) -> dict[str, Any]:
        """The task's options it was made with, or that its rows are read with."""
        return dict(self._options)

    @property
    def counts(self) -> dict[str, int]:
        return {name: len(split) for name, split in self.splits.items()}

    @property
    def fingerprint(self) -> str:
        """The manifest's; of a folder without one it is computed from its content, once."""
        if self._fingerprint is None:
            fingerprints = {}
            for name, split in self.splits.items():
                collected = Fingerprint()
                for example in split.iterate(draw=False):
                    collected.add(digest_of(example))
                fingerprints[name] = collected.hex()
            self._fingerprint = combine("", "", {}, fingerprints)
        return self._fingerprint


def _stop(path: str, error: InputError) -> None:
    raise error


def _shard(folder: Path, file: File, strict: bool) -> Shard:
    """strict: also refuse a whole Parquet file that is not the one that was written, by its size and rows."""
    path = folder / file.path
    if file.leads_out:
        raise InputError(
            f"the manifest names a file outside of the dataset ('{file.path}')",
            where=str(folder),
            remedy="Make the dataset again",
        )
    shard = Shard(path)
    size = path.stat().st_size
    if strict and (shard.rows, size) != (file.rows, file.bytes):
        raise InputError(
            f"this file has {shard.rows:,} rows in {size:,} bytes, and the manifest says {file.rows:,} in "
            f"{file.bytes:,}",
            where=str(path),
            remedy="Run `redraft data check` on the dataset, then copy it again or make it again",
        )
    return shard


def _foreign(
    folder: Path,
    task: Task | None,
    columns: Mapping[str, str],
    report: Problem,
    config: str,
    options: Mapping[str, Any],
    constants: Mapping[str, str],
) -> Dataset:
    found = shards_of(folder, config)
    if not found:
        raise InputError(
            f"this folder is no dataset: it holds neither a manifest ({KIND}) nor Parquet files",
            where=str(folder),
            remedy="Give a folder made by `redraft data generate` or `redraft data import`",
        )
    splits, fingerprints = {}, {}
    complete: dict[str, Any] = {}
    for name, paths in found.items():
        shards = []
        for path in paths:
            try:
                shards.append(Shard(path))
            except InputError as error:
                report(str(path.relative_to(folder)), error)
        if not shards:
            continue
        present, where = shards[0].columns, str(shards[0].path)
        if task is None or not reads_rows(task, columns, present):
            splits[name] = Split(name, shards, Columns(columns, present, where), None)
            continue
        complete = task.options(options)
        rows = RowColumns(RowReading(task, complete, constants), columns, present, where)
        survey = rows.survey(name, shards)
        split = Split(name, shards, rows, Drawing(task, complete))
        splits[name] = split if survey.chosen is None else split.subset(survey.chosen)
        splits[name].left_out = survey.left_out
        fingerprints[name] = survey.fingerprint
    if not fingerprints or task is None:
        return Dataset(folder, None, splits)
    number = combine(task.name, task.revision, complete, fingerprints)
    return Dataset(folder, None, splits, complete, number)
