"""What a piece of work may say while it runs, and the services it is lent.

A verb gets a Work and needs to know neither the terminal, nor the queue, nor the room that lends a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from redraft.core.example import Example
from redraft.core.permit import FREE, Permit
from redraft.core.prediction import Predictor
from redraft.core.sight import Sight


@dataclass(frozen=True, slots=True)
class Lent:
    """Examples of a dataset, as they are kept: those whose images are drawn by who reads them have none.

    name: the dataset's. task, options: what it was made with; empty where it does not say. size: examples of the
    whole split.
    """

    name: str
    task: str
    options: Mapping[str, Any]
    fingerprint: str
    split: str
    size: int
    examples: Sequence[Example]


class Work(Protocol):
    @property
    def permit(self) -> Permit:
        """Asked before each optimiser step and each checkpoint."""
        ...

    def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
        """stage: a few words ("drawing views"), stable while it lasts. note: the latest figure worth seeing."""
        ...

    def log(self, message: str, level: str = "info") -> None:
        """One sentence; level is "info" or "warning"."""
        ...

    def metric(self, values: Mapping[str, Any]) -> None:
        """A point of a curve, or another row of events.jsonl."""
        ...

    def left_out(self, id: str, reason: str) -> None:
        """An input that did not get into the result. Ends in the manifest: nothing is dropped in silence."""
        ...

    def predictor(self, model: str, **settings: Any) -> Predictor:
        """The model of a checkpoint folder (or a name), ready to answer."""
        ...

    def sight(self, model: str) -> Sight:
        """How the model of a checkpoint or model folder, or a model family by its name, sees pictures and text."""
        ...

    def examples(self, dataset: str, split: str, limit: int | None = None) -> Lent:
        """At most `limit` examples, evenly over a split of a dataset folder, and always the same ones."""
        ...


@dataclass
class Silent:
    """A Work that only remembers, for tests and notebooks."""

    logs: list[str] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    omissions: list[tuple[str, str]] = field(default_factory=list)
    permit: Permit = FREE

    def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
        return None

    def log(self, message: str, level: str = "info") -> None:
        self.logs.append(message)

    def metric(self, values: Mapping[str, Any]) -> None:
        self.metrics.append(dict(values))

    def left_out(self, id: str, reason: str) -> None:
        self.omissions.append((id, reason))

    def predictor(self, model: str, **settings: Any) -> Predictor:
        raise NotImplementedError("a silent Work lends no models")

    def sight(self, model: str) -> Sight:
        raise NotImplementedError("a silent Work lends no models")

    def examples(self, dataset: str, split: str, limit: int | None = None) -> Lent:
        raise NotImplementedError("a silent Work lends no datasets")
