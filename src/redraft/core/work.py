"""What a piece of work may say while it runs, and the services it is lent.

A verb gets a Work and needs to know neither the terminal, nor the queue, nor the room that lends a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from redraft.core.prediction import Predictor
from redraft.core.sight import Sight


class Work(Protocol):
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


@dataclass
class Silent:
    """A Work that only remembers, for tests and notebooks."""

    logs: list[str] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    omissions: list[tuple[str, str]] = field(default_factory=list)

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
