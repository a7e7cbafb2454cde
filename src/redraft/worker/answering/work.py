"""The Work of a verb that answers: its events go to whoever asked, its models are those the process keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from redraft.core.errors import Interrupted
from redraft.core.prediction import Predictor
from redraft.worker.answering.stock import Stock
from redraft.worker.context import Telling, lend


class AnsweringWork(Telling):
    """Implements `core.work.Work`. Models are held until the `with` block around the verb ends."""

    def __init__(self, emit: Callable[[dict[str, Any]], None], stock: Stock) -> None:
        self._emit, self._stock = emit, stock
        self.cancelled = threading.Event()
        self._held = ExitStack()

    def __enter__(self) -> AnsweringWork:
        return self

    def __exit__(self, *what: Any) -> None:
        self._held.close()

    def cancel(self) -> None:
        """Whoever asked has gone."""
        self.cancelled.set()

    def emit(self, event: dict[str, Any]) -> None:
        self._emit(event)

    def _go_on(self) -> None:
        if self.cancelled.is_set():
            raise Interrupted("stopped", remedy="Nobody waits for the answer any more")

    def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
        self._go_on()
        super().progress(stage, done, total, note)

    def log(self, message: str, level: str = "info") -> None:
        self._go_on()
        super().log(message, level)

    def predictor(self, model: str, **settings: Any) -> Predictor:
        self._go_on()
        if "://" in model:
            return lend(model, **settings)
        from redraft.worker.answering.shared import SharedPredictor  # torch is loaded only where a model is asked

        kept = self._stock.kept()
        lent = self._held.enter_context(kept.shelf.lend(model))
        return SharedPredictor(lent, kept.engine, self.cancelled, **settings)
