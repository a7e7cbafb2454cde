"""Reads datasets in Hugging Face's form: a local folder of Parquet files, or a repository on the hub.

A folder of Parquet files is read directly. A repository is read as a stream by the `datasets` library, so any of
its formats serves; `hf:<owner>/<name>@<revision>` pins a commit. The option columns maps our columns to theirs:
id, images or image, messages or question and answer, truth, seed; and those of a task that reads rows of its own
kind (text and summary). What such a task knows of a published set need not be said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from redraft.core.discovery import load_task
from redraft.core.errors import InputError, RedraftError
from redraft.core.example import Example
from redraft.core.task import Imported, Options, Task
from redraft.core.work import Work
from redraft.datasets.foreign import Columns
from redraft.datasets.foreign_rows import RowColumns, RowReading, reads_rows, repository
from redraft.datasets.reader import Dataset
from redraft.datasets.repository import HUB
from redraft.datasets.splitting import assign, say_short, wanted_counts


def import_huggingface(source: str, options: Options, work: Work) -> Iterator[Imported]:
    """options: columns, name (a configuration of the repository), train, validation, test (counts), seed; task and
    options (of it), licence, and written (id to split and key) where an earlier import has made some.

    Without counts the source's own splits are kept. With them a local folder's examples are drawn by lot out of
    all of them, and a repository's are taken in its own order from its own splits. Examples that a task makes of
    rows are let in once: what shows the same as an earlier one is left out.
    """
    task = load_task(str(options["task"])) if options.get("task") else None
    admission = _Admission(task, options, work)
    if source.startswith(HUB):
        yield from _from_hub(source, task, options, admission, work)
    else:
        yield from _from_folder(Path(source), task, options, admission, work)


class _Admission:
    """Passes over what an earlier import has written, and, of rows that a task reads, what came before."""

    def __init__(self, task: Task | None, options: Options, work: Work) -> None:
        self._task, self._work = task, work
        self._written: Mapping[str, tuple[str, str]] = options.get("written") or {}
        self._first: dict[str, str] = {key: id for id, (_, key) in self._written.items()}
        self._duplicates = bool((options.get("options") or {}).get("duplicates"))

    def written(self, id: str) -> bool:
        return id in self._written

    def new(self, example: Example) -> bool:
        if self._task is None or self._duplicates:
            return True
        first = self._first.setdefault(self._task.same(example), example.id)
        if first != example.id:
            self._work.left_out(example.id, f"a duplicate: it is the same document as {first}")
        return first == example.id


def _from_folder(
    folder: Path, task: Task | None, options: Options, admission: _Admission, work: Work
) -> Iterator[Imported]:
    dataset = Dataset.open(
        folder,
        task,
        columns=dict(options.get("columns") or {}),
        config=str(options.get("name") or ""),
        options=options.get("options"),
        constants={"source_dataset": folder.name}
        | ({"licence": str(options["licence"])} if options.get("licence") else {}),
    )
    counts = wanted_counts(options)
    total, done = sum(dataset.counts.values()), 0
    lots: dict[str, str] | None = None
    if any(count is not None for count in counts.values()):
        lots = assign((id for s in dataset.splits.values() for id in s.ids), counts, int(options.get("seed") or 0))
    taken: Counter[str] = Counter()
    for name, split in dataset.splits.items():
        for omission in split.left_out:
            work.left_out(*omission)
        for index, id in enumerate(split.ids):
            done += 1
            target = name if lots is None else lots.get(id)
            if target is None:
                continue
            work.progress("importing rows", done, total)
            if admission.written(id):
                taken[target] += 1
                continue
            try:
                example = split.example(index, draw=False)
            except InputError as error:
                work.left_out(id, error.what)
                continue
            if admission.new(example):
                taken[target] += 1
                yield Imported(target, example)
    say_short(counts, taken, work)


def _from_hub(
    source: str, task: Task | None, options: Options, admission: _Admission, work: Work
) -> Iterator[Imported]:
    found = repository(
        task, source, options.get("columns"), str(options.get("name") or ""), str(options.get("licence") or "")
    )
    mapping = found.columns
    counts = wanted_counts(options)
    given = any(count is not None for count in counts.values())
    taken: Counter[str] = Counter()
    for name, rows in _open(found.repo, found.config or None, found.revision, source).items():
        target = {"val": "validation", "valid": "validation", "dev": "validation"}.get(name, name)
        limit = counts.get(target) if given else None
        if given and limit is None:
            continue
        present, where = tuple(rows.column_names or ()), f"{source}, {name}"
        reading: Columns | RowColumns
        if task is not None and reads_rows(task, mapping, present):
            by_task = RowReading(task, task.options(options.get("options") or {}), found.constants)
            reading = RowColumns(by_task, mapping, present, where)
        else:
            reading = Columns(mapping, present, where)
        for index, row in enumerate(rows):
            if limit is not None and taken[target] >= limit:
                break
            id = f"{target}-{index:08d}"
            if "id" in reading.names and row.get(reading.names["id"]) not in (None, ""):
                id = str(row[reading.names["id"]])
            if not admission.written(id):
                try:
                    example: Example = reading.example(row, target, index, f"{where} row {index}")
                except RedraftError as error:
                    work.left_out(id, error.what)
                    continue
                if not admission.new(example):
                    continue
                yield Imported(target, example)
            taken[target] += 1
            work.progress(f"importing {target}", taken[target], limit)
    say_short(counts, taken, work)


def _open(repo: str, config: str | None, revision: str | None, source: str) -> Mapping[str, Any]:
    """The repository's splits as streams whose images stay encoded. Whatever the hub says is an InputError."""
    from datasets import Image as ImageFeature
    from datasets import List, load_dataset

    try:
        splits = load_dataset(repo, config, revision=revision, streaming=True)
        for key, rows in splits.items():
            for column, feature in (rows.features or {}).items():
                if isinstance(feature, ImageFeature):
                    rows = rows.cast_column(column, ImageFeature(decode=False))
                elif isinstance(feature, List) and isinstance(feature.feature, ImageFeature):
                    rows = rows.cast_column(column, List(ImageFeature(decode=False)))
            splits[key] = rows
    except Exception as error:  # the library and its transports raise dozens of kinds
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(
            f"the repository cannot be opened ({reason})",
            where=source,
            remedy="Check its name, the network and HF_TOKEN, or give a local folder of Parquet files",
        ) from None
    return dict(splits)
