"""Reads datasets in Hugging Face's form: a local folder of Parquet files, or a repository on the hub.

A folder of Parquet files is read directly. A repository is read as a stream by the `datasets` library, so any of
its formats serves; `hf:<owner>/<name>@<revision>` pins a commit. The option columns maps our columns (id, images
or image, messages or question and answer, truth, seed) to theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, RedraftError
from redraft.core.example import Example
from redraft.core.task import Imported, Options
from redraft.core.work import Work
from redraft.datasets.foreign import Columns
from redraft.datasets.reader import Dataset
from redraft.datasets.splitting import assign, say_short, wanted_counts

HUB = "hf:"


def import_huggingface(source: str, options: Options, work: Work) -> Iterator[Imported]:
    """options: columns, name (a configuration of the repository), train, validation, test (counts), seed.

    Without counts the source's own splits are kept. With them a local folder's examples are drawn by lot out of
    all of them, and a repository's are taken in its own order from its own splits.
    """
    columns = dict(options.get("columns") or {})
    if source.startswith(HUB):
        yield from _from_hub(source.removeprefix(HUB), columns, options, work)
    else:
        yield from _from_folder(Path(source), columns, options, work)


def _from_folder(folder: Path, columns: Mapping[str, str], options: Options, work: Work) -> Iterator[Imported]:
    dataset = Dataset.open(folder, columns=columns)
    counts = wanted_counts(options)
    total, done = sum(dataset.counts.values()), 0
    lots: dict[str, str] | None = None
    if any(count is not None for count in counts.values()):
        lots = assign((id for s in dataset.splits.values() for id in s.ids), counts, int(options.get("seed") or 0))
    taken: Counter[str] = Counter()
    for name, split in dataset.splits.items():
        for index, id in enumerate(split.ids):
            done += 1
            target = name if lots is None else lots.get(id)
            if target is None:
                continue
            work.progress("importing rows", done, total)
            try:
                example = split[index]
            except InputError as error:
                work.left_out(id, error.what)
                continue
            taken[target] += 1
            yield Imported(target, example)
    say_short(counts, taken, work)


def _from_hub(repo: str, columns: Mapping[str, str], options: Options, work: Work) -> Iterator[Imported]:
    counts = wanted_counts(options)
    given = any(count is not None for count in counts.values())
    taken: Counter[str] = Counter()
    for name, rows in _open(repo, options).items():
        target = {"val": "validation", "valid": "validation", "dev": "validation"}.get(name, name)
        limit = counts.get(target) if given else None
        if given and limit is None:
            continue
        reading = Columns(columns, tuple(rows.column_names or ()), f"{HUB}{repo}, {name}")
        for index, row in enumerate(rows):
            if limit is not None and taken[target] >= limit:
                break
            try:
                example: Example = reading.example(row, target, index, f"{HUB}{repo}, {name} row {index}")
            except RedraftError as error:
                work.left_out(f"{name}-{index:08d}", error.what)
                continue
            taken[target] += 1
            work.progress(f"importing {target}", taken[target], limit)
            yield Imported(target, example)
    say_short(counts, taken, work)


def _open(repo: str, options: Options) -> Mapping[str, Any]:
    """The repository's splits as streams whose images stay encoded. Whatever the hub says is an InputError."""
    from datasets import Image as ImageFeature
    from datasets import List, load_dataset

    name, _, revision = repo.partition("@")
    try:
        splits = load_dataset(name, options.get("name"), revision=revision or None, streaming=True)
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
            where=f"{HUB}{repo}",
            remedy="Check its name, the network and HF_TOKEN, or give a local folder of Parquet files",
        ) from None
    return dict(splits)
