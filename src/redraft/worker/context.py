"""The Work of a worker process: events as JSON lines, and models lent by name."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TextIO

from redraft.core.errors import ToldElsewhere
from redraft.core.permit import FREE, Permit
from redraft.core.prediction import Predictor
from redraft.core.sight import Sight
from redraft.core.work import Lent
from redraft.worker.model_names import resolve_model

PROGRESS_INTERVAL = 0.1
"""Seconds between two progress events of one stage; the first and the last of a stage are always sent."""


class Telling(ABC):
    """The part of a `core.work.Work` that tells: each thing said is an event."""

    _stage, _sent = "", 0.0
    permit: Permit = FREE

    @abstractmethod
    def emit(self, event: dict[str, Any]) -> None: ...

    def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
        now = time.monotonic()
        if stage == self._stage and done != total and now - self._sent < PROGRESS_INTERVAL:
            return
        self._stage, self._sent = stage, now
        self.emit({"event": "progress", "stage": stage, "done": done, "total": total, "note": note})

    def log(self, message: str, level: str = "info") -> None:
        self.emit({"event": "log", "message": message, "level": level})

    def metric(self, values: Mapping[str, Any]) -> None:
        self.emit({"event": "metric", "values": dict(values)})

    def left_out(self, id: str, reason: str) -> None:
        self.emit({"event": "left_out", "id": id, "reason": reason})

    def sight(self, model: str) -> Sight:
        return lend_sight(model)

    def examples(self, dataset: str, split: str, limit: int | None = None) -> Lent:
        return lend_examples(dataset, split, limit)


class ProcessWork(Telling):
    """Implements `core.work.Work` on a stream.

    errors_alone: of one of several processes on that stream that is not the first; it tells an error that no other
    tells, and nothing else.
    """

    def __init__(self, stream: TextIO, errors_alone: bool = False) -> None:
        self._stream, self._errors_alone = stream, errors_alone

    def emit(self, event: dict[str, Any]) -> None:
        if self._errors_alone and (event["event"] != "error" or event["error"]["kind"] == ToldElsewhere.__name__):
            return
        try:
            self._stream.write(json.dumps(event, ensure_ascii=False, default=str) + "\n")
            self._stream.flush()
        except BrokenPipeError:
            pass  # the listener has gone; the end of standard input stops the work in order

    def predictor(self, model: str, **settings: Any) -> Predictor:
        return lend(model, **settings)


def lend(model: str, **settings: Any) -> Predictor:
    """The model of that name, or of a server (`http://host:port/v1#model`), ready to answer."""
    place = model if "://" in model else str(resolve_model(model))
    from redraft.inference.opening import open_predictor  # torch is loaded only where a model is asked for

    predictor: Predictor = open_predictor(place, **settings)
    return predictor


def lend_sight(model: str) -> Sight:
    """How a model folder, a checkpoint, or a family by its name sees pictures and counts text."""
    from redraft.models.sight import sight_of

    return sight_of(resolve_model(model) if model.partition("/")[0] == "default" else model)


def lend_examples(dataset: str, split: str, limit: int | None = None) -> Lent:
    """Examples of a dataset folder, none of them drawn; a split that is not there is a UsageError."""
    from redraft.datasets.reader import Dataset

    opened = Dataset.open(dataset)
    whole = opened.split(split)
    chosen = whole.evenly(limit)
    return Lent(
        opened.folder.name,
        opened.task or "",
        opened.options,
        opened.fingerprint,
        split,
        len(whole),
        [chosen.example(index, draw=False) for index in range(len(chosen))],
    )
