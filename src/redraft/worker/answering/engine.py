"""One thread that generates: rows of the same model that wait at the same moment are answered together."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import torch

from redraft.core.errors import RedraftError
from redraft.core.prediction import Prediction
from redraft.inference.predictor import LocalPredictor, Row

GATHER = 0.005
"""Seconds that the first row of a batch waits for others."""


@dataclass(eq=False)
class Wish:
    """A row that waits. predictor: whose model, loop_stop and batch_size are meant."""

    predictor: LocalPredictor
    row: Row
    answer: Future[Prediction] = field(default_factory=Future)

    @property
    def key(self) -> tuple[Any, ...]:
        """Rows with the same key can share a batch; what else a row wants, it has for itself."""
        return id(self.predictor.loaded), self.predictor.settings.loop_stop


class Engine:
    """Answers are made in the order in which their first rows came."""

    def __init__(self) -> None:
        self.batches: deque[int] = deque(maxlen=100)
        """Rows of each of the last batches."""
        self._waiting: deque[Wish] = deque()
        self._change = threading.Condition()
        threading.Thread(target=self._run, daemon=True, name="engine").start()

    def submit(self, wishes: Sequence[Wish]) -> None:
        with self._change:
            self._waiting.extend(wishes)
            self._change.notify_all()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def _run(self) -> None:
        while True:
            batch = self._next()
            if batch:
                self._answer(batch)
            del batch  # or the last model would be held while nothing is asked

    def _next(self) -> list[Wish]:
        """The next rows that go together, those that nobody waits for left out."""
        with self._change:
            while not self._waiting:
                self._change.wait()
            until = time.monotonic() + GATHER
            most = self._waiting[0].predictor.settings.batch_size
            while len(self._together()) < most and (left := until - time.monotonic()) > 0:
                self._change.wait(left)
            chosen = self._together()[:most]
            taken = set(chosen)
            self._waiting = deque(wish for wish in self._waiting if wish not in taken)
        return [wish for wish in chosen if wish.answer.set_running_or_notify_cancel()]

    def _together(self) -> list[Wish]:
        key = self._waiting[0].key
        return [wish for wish in self._waiting if wish.key == key]

    def _answer(self, batch: Sequence[Wish]) -> None:
        self.batches.append(len(batch))
        try:
            answers = batch[0].predictor.answer([wish.row for wish in batch])
        except RedraftError as error:
            self._fail(batch, error)
        except (torch.OutOfMemoryError, MemoryError):
            what = "there is not enough memory for this answer"
            self._fail(batch, RedraftError(what, remedy="Send fewer or smaller pictures, or take a smaller model"))
        except Exception as error:  # a fault of one model's code must not end the thread that answers for all
            traceback.print_exc()
            self._fail(batch, error)
        else:
            for wish, answer in zip(batch, answers, strict=True):
                wish.answer.set_result(answer)

    def _fail(self, batch: Sequence[Wish], error: Exception) -> None:
        """Of several rows each gets its own try: one that cannot be answered does not take others along."""
        if len(batch) > 1 and not any(wish.row.watch is not None and wish.row.watch.begun for wish in batch):
            for wish in batch:
                self._answer([wish])
            return
        for wish in batch:
            wish.answer.set_exception(error)
