"""A training under a lease, in this process, with whoever holds the lease on the other side of the wire."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from redraft.core.work import Silent
from redraft.worker.permit import LeasePermit

LEASE = {"lease": {"token": "7", "seconds": 600.0}}

Question = Mapping[str, Any]


class Leased(Silent):
    """answer: decides each question; what it returns is what the training is told. at_step: called once each
    optimiser step is done."""

    def __init__(
        self,
        answer: Callable[[Question], bool] = lambda question: True,
        at_step: Callable[[int], None] = lambda step: None,
    ) -> None:
        super().__init__()
        self.asked: list[tuple[str, int]] = []
        self._answer, self._at_step = answer, at_step
        self.permit = self.lease = LeasePermit(self._ask, self.log)
        self.lease.hear(LEASE)

    def _ask(self, question: Question) -> None:
        self.asked.append((question["kind"], question["values"]["step"]))
        message = {"answer": question["id"], "granted": self._answer(question)}
        # Another thread's, as an answer on the wire: here the lock of the asking one is held.
        threading.Thread(target=self.lease.hear, args=(message,)).start()

    def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
        if stage == "training":
            self._at_step(done)
