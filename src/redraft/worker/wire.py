"""Standard input of a worker's process: its request, then whatever its keeper says (core.permit.Wire)."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from redraft.worker.permit import LeasePermit

AGAIN = 10.0
"""Seconds after which work that has not ended is asked to stop again: a library may have swallowed the first."""

Message = Mapping[str, Any]


class Lines:
    """The JSON lines of a file descriptor, read as they come; a line that is none is passed over."""

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor, self._rest = descriptor, b""

    def first(self) -> Message:
        """The request; empty where there is none."""
        return next(iter(self), {})

    def __iter__(self) -> Iterator[Message]:
        """To the end of the file."""
        while True:
            while b"\n" in self._rest:
                line, _, self._rest = self._rest.partition(b"\n")
                try:
                    message = json.loads(line)
                except ValueError:
                    continue
                if isinstance(message, dict):
                    yield message
            try:
                piece = os.read(self._descriptor, 1 << 16)
            except OSError:
                piece = b""
            if not piece:
                return
            self._rest += piece


def listen(lines: Lines, permit: LeasePermit, heard: Callable[[Message], None] = lambda message: None) -> None:
    """Follows the wire in a thread: leases and answers go to the permit, a request to stop to the main thread as
    SIGTERM. The wire's end means that nobody listens any more, and stops the work as well. heard: told each
    line."""

    def follow() -> None:
        for message in lines:
            permit.hear(message)
            heard(message)
            if "stop" in message:
                stop()
        permit.left_alone()
        stop()

    threading.Thread(target=follow, daemon=True).start()


_asked = threading.Event()


def stop() -> None:
    """Asks this process's work to save and end, and asks again until it has. Further calls change nothing."""
    if _asked.is_set():
        return
    _asked.set()

    def press() -> None:
        while True:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(AGAIN)

    threading.Thread(target=press, daemon=True).start()
