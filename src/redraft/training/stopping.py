"""A request to stop is kept until the step is done, so that what was trained can be saved."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class StopRequest:
    """While open, SIGTERM and Ctrl-C set `asked` instead of ending the process. The second Ctrl-C ends it; SIGTERM
    may come from several sides at once, and as often as it likes.

    Signals can be caught in the main thread alone; elsewhere `asked` is set by hand.
    """

    def __init__(self) -> None:
        self.asked = False
        self.immediate = False
        """True during what need not be finished, such as an evaluation: it is broken off at once."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        again = self.asked and number == signal.SIGINT
        at_once, self.immediate, self.asked = self.immediate, False, True
        if again or at_once:
            raise KeyboardInterrupt
