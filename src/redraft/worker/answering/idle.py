"""When nobody asks: first the models are let go, later the process ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redraft.core.environment import number

VARIABLE = "REDRAFT_ANSWER_IDLE"
IDLE = 300.0
"""Seconds without a request after which models are let go; REDRAFT_ANSWER_IDLE says otherwise."""
LONGER = 4
"""Times as long, and the process ends."""
LOOK = 0.25


class Idle:
    """Counts what is under way."""

    def __init__(self, let_go: Callable[[], None] = lambda: None) -> None:
        self.busy = 0
        self.seconds = number(VARIABLE, IDLE, least=0, most=1e9, unit="seconds")
        self._let_go = let_go
        self._since = time.monotonic()
        self._held = True

    @contextmanager
    def working(self) -> Iterator[None]:
        self.busy += 1
        self._held = True
        try:
            yield
        finally:
            self.busy -= 1
            self._since = time.monotonic()

    async def watch(self, server: Any) -> None:
        """Looks four times a second."""
        while True:
            await asyncio.sleep(LOOK)
            idle = 0.0 if self.busy else time.monotonic() - self._since
            if idle > self.seconds and self._held:
                self._held = False
                self._let_go()
            if idle > self.seconds * LONGER:
                server.should_exit = True
