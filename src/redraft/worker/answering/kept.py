"""The kept models, the thread that generates, and the processes that decode pictures."""

from __future__ import annotations

from typing import Any

from redraft.worker.answering.engine import Engine
from redraft.worker.answering.pictures import Pictures
from redraft.worker.answering.shelf import Shelf


class Kept:
    """One a process."""

    def __init__(self) -> None:
        self.shelf, self.engine, self.pictures = Shelf(), Engine(), Pictures()

    def let_go(self) -> None:
        self.shelf.clear()
        self.pictures.close()

    def facts(self) -> dict[str, Any]:
        return {
            "models": self.shelf.names(),
            "loads": self.shelf.loads,
            "batches": list(self.engine.batches),
        }
