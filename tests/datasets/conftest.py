"""The task dots, and a dataset of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from redraft.core.discovery import load_task
from redraft.core.example import Example
from redraft.core.task import Task
from redraft.core.work import Silent
from redraft.datasets.manifest import Source
from redraft.datasets.writer import DatasetWriter

TASKS = Path(__file__).parent / "tasks"


@pytest.fixture
def dots(monkeypatch: pytest.MonkeyPatch) -> Task:
    """The task, also found by name."""
    monkeypatch.setenv("REDRAFT_TASKS", str(TASKS))
    return load_task("dots")


@pytest.fixture
def examples(dots: Task) -> list[Example]:
    """120 different examples."""
    return list(dots.generate(120, 3, dots.options({}), Silent()))


Write = Callable[..., Path]


@pytest.fixture
def write(dots: Task, tmp_path: Path) -> Write:
    """Writes a dataset of the task dots out of examples by split."""

    def write(
        splits: Mapping[str, Iterable[Example]],
        name: str = "dataset",
        left_out: Iterable[Any] = (),
        **settings: Any,
    ) -> Path:
        with DatasetWriter(
            tmp_path / name,
            task="dots",
            revision=dots.revision,
            options=dots.options({}),
            seed=3,
            versions=dots.versions(),
            source=Source(how="made by a test", origin="nowhere", licence="MIT"),
            **settings,
        ) as writer:
            for split, found in splits.items():
                for example in found:
                    writer.add(split, example)
            for id, reason in left_out:
                writer.left_out(id, reason)
        return tmp_path / name

    return write
