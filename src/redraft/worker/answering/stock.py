"""What all requests share: the kept models, the thread that generates, the processes that decode pictures."""

from __future__ import annotations

from redraft.core.errors import Busy
from redraft.worker.answering.engine import Engine
from redraft.worker.answering.idle import Idle
from redraft.worker.answering.pictures import Pictures
from redraft.worker.answering.shelf import Shelf

MAX_BUSY = 64
"""Requests under way at once; one more is told to come again."""


class Stock:
    """One a process."""

    def __init__(self) -> None:
        self.shelf, self.engine, self.pictures = Shelf(), Engine(), Pictures()
        self.idle = Idle(self.let_go)

    def let_go(self) -> None:
        """Frees what is kept for requests that may come."""
        self.shelf.clear()
        self.pictures.close()

    def check_room(self) -> None:
        """Raises Busy where too much is under way."""
        if self.idle.busy >= MAX_BUSY:
            raise Busy(f"{self.idle.busy} requests are being answered", remedy="Try again in a moment")
