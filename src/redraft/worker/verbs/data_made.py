"""What generating and importing share: omissions reach the manifest, and the same figures are printed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

from redraft.core.offers import DescribesData, offers
from redraft.core.permit import Permit
from redraft.core.prediction import Predictor
from redraft.core.sight import Sight
from redraft.core.task import Task
from redraft.core.work import Lent, Work
from redraft.datasets.manifest import About, Manifest


class Notes(Protocol):
    def left_out(self, id: str, reason: str) -> None: ...


class Omissions(list[tuple[str, str]]):
    """Collects them until there is a writer."""

    def left_out(self, id: str, reason: str) -> None:
        self.append((id, reason))


class Listening:
    """A Work that passes everything on; omissions go to the dataset's writer or who keeps them for it, as well."""

    def __init__(self, work: Work, writer: Notes) -> None:
        self._work, self._writer = work, writer

    @property
    def permit(self) -> Permit:
        return self._work.permit

    def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
        self._work.progress(stage, done, total, note)

    def log(self, message: str, level: str = "info") -> None:
        self._work.log(message, level)

    def metric(self, values: Mapping[str, Any]) -> None:
        self._work.metric(values)

    def left_out(self, id: str, reason: str) -> None:
        self._writer.left_out(id, reason)
        self._work.left_out(id, reason)

    def predictor(self, model: str, **settings: Any) -> Predictor:
        return self._work.predictor(model, **settings)

    def sight(self, model: str) -> Sight:
        return self._work.sight(model)

    def examples(self, dataset: str, split: str, limit: int | None = None) -> Lent:
        return self._work.examples(dataset, split, limit)


def task_options(task: Task, request: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The task's complete options, and whether images are kept. A task may have an option of its own for it."""
    given = dict(request.get("options") or {})
    wanted = request.get("images", True)
    options = task.options(given)
    if not wanted and "keep_images" in options:
        options = task.options({**given, "keep_images": False})
    return options, bool(wanted and options.get("keep_images", True))


def about(task: Task) -> About:
    """What the card says of the task's data."""
    offered = offers(task, DescribesData)
    if offered is None:
        return About()
    return About(categories=offered.data_categories, fields=dict(offered.truth_fields))


def summary(out: str, manifest: Manifest, started: float) -> dict[str, Any]:
    """What a command that made a dataset prints. started: `time.monotonic()` at its beginning."""
    total = sum(manifest.counts.values())
    seconds = time.monotonic() - started
    return {
        "output": out,
        "task": manifest.task,
        "examples": total,
        "counts": manifest.counts,
        "bytes": manifest.bytes,
        "images": manifest.images,
        "fingerprint": manifest.fingerprint,
        "left_out": {"count": manifest.left_out.count, "reasons": manifest.left_out.reasons},
        "seconds": round(seconds, 2),
        "examples_per_second": round(total / seconds, 1),
    }
