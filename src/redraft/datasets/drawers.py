"""Processes that draw, for tasks whose drawing holds the interpreter: threads of one process would wait in turn.

They are started when a whole split is read, serve all readers of this process, and end with it.
"""

from __future__ import annotations

import atexit
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redraft.core.errors import RedraftError, from_data
from redraft.core.example import Image

FEWEST = 32
"""Examples of a split below which starting processes costs more than it saves."""


KEPT = 2
"""Datasets whose processes stay: one that is trained on and one that is evaluated."""
WAIT = 0.2
"""Seconds."""


class DrawerLost(RuntimeError):
    """The process ended, or failed in a way that is no fault of the example."""


class Drawer:
    """One process, for one thread at a time."""

    def __init__(self, task: str, options: Mapping[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "redraft.datasets.drawing_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._send((task, dict(options)))

    def draw(self, truth: Mapping[str, Any], seed: int) -> tuple[Image, ...]:
        """As the task's own `draw`; its errors are raised here."""
        self._send((dict(truth), seed))
        assert self._process.stdout is not None
        try:
            kind, found = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise DrawerLost(str(error)) from None
        if kind == "error":
            raise from_data(found)
        if kind != "images":
            raise DrawerLost(found)
        return tuple(Image(path, data) for path, data in found)

    def close(self) -> None:
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
            if self._process.stdout is not None:
                self._process.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
            return
        self._process.kill()
        self._process.wait()

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        try:
            pickle.dump(message, self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
        except OSError as error:
            raise DrawerLost(str(error)) from None


class Drawers:
    """As many processes as there are cores, for one task and its options. Safe for threads."""

    def __init__(self, task: str, options: Mapping[str, Any], most: int | None = None) -> None:
        self._task, self._options = task, dict(options)
        self._idle: queue.LifoQueue[Drawer] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._left = most or os.cpu_count() or 1
        self._all: list[Drawer] = []

    def draw(self, truth: Mapping[str, Any], seed: int) -> tuple[Image, ...]:
        drawer = self._take()
        try:
            images = drawer.draw(truth, seed)
        except RedraftError:
            self._idle.put(drawer)
            raise
        except BaseException:  # stopped in the middle of an answer, or lost: what it would say next is not ours
            drawer.close()
            with self._lock:
                self._left += 1
            raise
        self._idle.put(drawer)
        return images

    def close(self) -> None:
        with self._lock:
            drawers, self._all = self._all, []
        for drawer in drawers:
            drawer.close()

    def _take(self) -> Drawer:
        while True:
            with suppress(queue.Empty):
                return self._idle.get_nowait()
            with self._lock:
                if self._left > 0:
                    self._left -= 1
                    drawer = Drawer(self._task, self._options)
                    self._all.append(drawer)
                    return drawer
            with suppress(queue.Empty):  # not for ever: a drawer that is lost makes room for another one
                return self._idle.get(timeout=WAIT)


_shared: dict[str, Drawers] = {}
_lock = threading.Lock()


def shared_drawers(task: str, options: Mapping[str, Any]) -> Drawers:
    """This process's own, started once; those of datasets read before the last KEPT end."""
    key = repr((task, sorted(options.items()), os.getpid()))
    with _lock:
        found = _shared.pop(key) if key in _shared else Drawers(task, options)
        _shared[key] = found  # the last one read comes last
        while len(_shared) > KEPT:
            _shared.pop(next(iter(_shared))).close()
        return found


@atexit.register
def _end() -> None:
    for drawers in _shared.values():
        drawers.close()
