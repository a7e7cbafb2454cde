"""A kept model as a verb sees it: a predictor like any other, whose rows are answered beside those of others."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from redraft.core.errors import Interrupted
from redraft.core.prediction import Prediction
from redraft.core.recipe import Evaluate
from redraft.inference.opening import NAMED_SETTINGS
from redraft.inference.predictor import LocalPredictor, Row
from redraft.worker.answering.engine import Engine, Wish

LOOK = 0.1
"""Seconds between two looks at whether somebody still waits."""


class Cancelled:
    """A watch that ends an answer which nobody waits for."""

    def __init__(self, event: threading.Event) -> None:
        self.event, self.begun = event, False

    def token(self, id: int, logprob: float) -> bool:
        return self.event.is_set()


class SharedPredictor(LocalPredictor):
    """settings: as of `inference.opening.open_predictor`; what is not given is as the model's recipe says."""

    def __init__(self, kept: LocalPredictor, engine: Engine, cancelled: threading.Event, **settings: Any) -> None:
        named = {key: value for key, value in settings.items() if key in NAMED_SETTINGS}
        chosen = Evaluate.model_validate({**kept.settings.model_dump(), **named})
        others = {key: settings[key] for key in ("temperature", "seed") if settings.get(key) is not None}
        super().__init__(kept.loaded, kept.encoder, chosen, name=kept.name, **others)
        self.task_options = kept.task_options
        self._engine, self._cancelled = engine, cancelled

    def answer(self, rows: Sequence[Row]) -> list[Prediction]:
        """As of a LocalPredictor, but by the engine's thread; Interrupted where nobody waits any more."""
        plain = LocalPredictor(
            self.loaded, self.encoder, self.settings, temperature=self.temperature, seed=self.seed, name=self.name
        )
        watch = Cancelled(self._cancelled)
        wishes = [
            Wish(
                plain,
                replace(
                    row,
                    limit=row.limit or self.settings.max_new_tokens,
                    temperature=self.temperature if row.temperature is None else row.temperature,
                    watch=row.watch or watch,
                ),
            )
            for row in rows
        ]
        self._engine.submit(wishes)
        return results(wishes, self._cancelled)


def results(wishes: Sequence[Wish], cancelled: threading.Event) -> list[Prediction]:
    """What became of each; Interrupted where nobody waits any more, and then none of them is begun."""
    answers = []
    for wish in wishes:
        while True:
            if cancelled.is_set():
                for other in wishes:
                    other.answer.cancel()
                raise Interrupted("stopped", remedy="Nobody waits for the answer any more")
            try:
                answers.append(wish.answer.result(timeout=LOOK))
                break
            except TimeoutError:
                if wish.answer.done():  # the error is the answer's own
                    raise
    return answers
