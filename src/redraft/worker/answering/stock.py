"""What all requests share: the kept models, the thread that generates, the processes that decode pictures."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

from redraft.core.errors import Busy
from redraft.worker.answering.idle import Idle
from redraft.worker.answering.memory import memory_said

if TYPE_CHECKING:
    from redraft.worker.answering.kept import Kept

MAX_BUSY = 64
"""Requests under way at once; one more is told to come again."""


class Stock:
    """One a process. Nothing heavy is loaded before it is needed, so that the process answers at once."""

    def __init__(self) -> None:
        memory_said()  # a wrong setting is told at the start
        self.idle = Idle(self.let_go)
        self._lock = threading.Lock()

    def kept(self) -> Kept:
        """What is kept for requests. Call it in their threads: the first one takes seconds."""
        with self._lock:
            return self._kept

    @cached_property
    def _kept(self) -> Kept:
        from redraft.worker.answering.kept import Kept  # torch comes with it

        return Kept()

    def let_go(self) -> None:
        """Frees what is kept for requests that may come."""
        if "_kept" in self.__dict__:
            self._kept.let_go()

    def facts(self) -> dict[str, Any]:
        """For who asks how it is."""
        return self._kept.facts() if "_kept" in self.__dict__ else {"models": [], "loads": 0, "batches": []}

    def check_room(self) -> None:
        """Raises Busy where too much is under way."""
        if self.idle.busy >= MAX_BUSY:
            raise Busy(f"{self.idle.busy} requests are being answered", remedy="Try again in a moment")
