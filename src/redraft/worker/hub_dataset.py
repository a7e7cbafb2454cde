"""A dataset on the hub, opened: our own as it was pushed, or somebody's Parquet files through their columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from redraft.core.offers import ReadsRows, offers
from redraft.core.task import Task
from redraft.core.work import Work
from redraft.datasets.drawing import say_changes
from redraft.datasets.foreign_rows import repository
from redraft.datasets.manifest import NAME
from redraft.datasets.reader import Dataset
from redraft.datasets.repository import files_of
from redraft.models.source import fetch_dataset

SHOWN = 5


def open_hub_dataset(
    source: str, task: Task, columns: Mapping[str, str], work: Work, options: Mapping[str, Any] | None = None
) -> Dataset:
    """source: `hf:owner/name[/config][@revision]`. Of several configurations one alone is fetched and read.

    options: of the task, for rows that are not our own (`row_options`).
    """
    found = repository(task, source, columns)

    def choose(folder: Path, paths: Collection[str]) -> set[str]:
        if NAME in paths:
            return set(paths)
        files = files_of(folder / "README.md", paths, found.config, source)
        return {path for those in files.values() for path in those}

    folder = fetch_dataset(found.name, work=work, choose=choose)
    return Dataset.open(
        folder,
        task,
        columns=found.columns,
        config=found.config,
        options=row_options(task, options or {}),
        constants=found.constants,
    )


def row_options(task: Task, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options by which examples are made of somebody's rows; an unknown or wrong one is a UsageError."""
    if offers(task, ReadsRows) is not None and "long" in task.options(given):
        # What is too long to show whole cannot be told before its pages are laid out.
        return {"long": "cut", **given}
    return dict(given)


def tell(dataset: Dataset, work: Work) -> None:
    """What a reader should know of an opened dataset: other versions that draw it, rows that are no examples."""
    if dataset.version_changes:
        work.log(say_changes(dataset.version_changes), "warning")
    for split in dataset.splits.values():
        for id, reason in split.left_out[:SHOWN]:
            work.left_out(id, reason)
        if len(split.left_out) > SHOWN:
            more = len(split.left_out) - SHOWN
            work.log(f"{split.name}: {more:,} further rows are no examples of this task; import them to have all "
                     "of them listed", "warning")  # fmt: skip
