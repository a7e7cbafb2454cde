"""How several processes end together: the first error wins, and exactly one of them tells it.

Every failing process leaves its error in the launcher's store. One that only notices that another is gone looks
there for the reason. The main process tells it, or another one where the main process cannot.
"""

from __future__ import annotations

import json
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch.distributed as dist

from redraft.core.errors import Interrupted, RedraftError, ToldElsewhere, WorkerLost, from_data

GRACE = 8.0
"""Seconds in which another process may leave the reason, or take over telling it. A launcher waits longer before
it kills the rest."""
SAME = 2.0
"""Seconds in which the main process tells what all have met."""
LEAVING = 3.0
"""Seconds that the process which keeps the store stays for the others, of which some may be dead."""
STORE_GONE = (RuntimeError, OSError)
"""What the store raises when the process that kept it has gone. The others then settle the end without it."""
SIGNS = (
    "gloo",
    "NCCL",
    "Connection closed",
    "Connection reset",
    "Broken pipe",
    "Socket",
    "Timed out",
    "timed out",
)
"""What torch writes where another process has gone or does not answer."""


def is_lost(error: BaseException | None) -> bool:
    """Whether an error only says that another process has gone or is silent."""
    while error is not None:
        if isinstance(error, dist.DistError):
            return True
        if isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS):
            return True
        error = error.__cause__
    return False


class Ending:
    """One process's part in it. store: of the launcher, None until it is met. keeps_store: this process does."""

    def __init__(self, rank: int, count: int, run: Path) -> None:
        self.rank, self.count, self.run = rank, count, run
        self.store: Any = None
        self.keeps_store = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Whatever ends the block by an error becomes the one error of the run, or ToldElsewhere."""
        try:
            yield
        except GeneratorExit:
            raise
        except BaseException as error:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a launcher's, who has noticed: it ends anyway
            raise self._settled(error) from error

    def _settled(self, error: BaseException) -> BaseException:
        if isinstance(error, ToldElsewhere):
            return error
        if self.rank and isinstance(error, KeyboardInterrupt):
            return ToldElsewhere("stopped")  # as the main process was, by the launcher or the user
        mine = None if is_lost(error) else _as_redraft(error)
        first = self._first(mine)
        # Where only I met it, my end is what the main process notices; where all did, it tells at once.
        tells = self._tells() if mine is None or not self.rank else not self._is_told(SAME)
        self._leave()
        if not tells:
            if mine is not None and not isinstance(error, RedraftError | KeyboardInterrupt):
                traceback.print_exception(error)  # a bug of ours; what is told elsewhere has no traceback
            return ToldElsewhere("another process of this run says why it ended")
        if first is None:
            said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            return WorkerLost(
                f"another process of this run was lost ({said})",
                where=str(self.run),
                remedy=f"What was saved is kept: go on with `redraft train --resume {self.run}`, as begun",
            )
        if mine is not None and (first["rank"] == self.rank or first["what"] == mine.what):
            return error
        told = from_data(first)
        return type(told)(f"process {first['rank']}: {told.what}", where=told.where, remedy=told.remedy)

    def _first(self, mine: RedraftError | None) -> dict[str, Any] | None:
        """The error that came first, mine if there was none; waits for a while where I have none."""
        try:
            if mine is not None:
                data = json.dumps({"rank": self.rank, **mine.as_data()})
                return dict(json.loads(self.store.compare_set("error", "", data)))
            deadline = time.monotonic() + GRACE
            while time.monotonic() < deadline:
                if self.store.check(["error"]):
                    return dict(json.loads(self.store.get("error")))
                time.sleep(0.1)
        except STORE_GONE:
            pass
        return None if mine is None else {"rank": self.rank, **mine.as_data()}

    def _leave(self) -> None:
        """Lets the others learn who tells before the store goes with the process that keeps it."""
        try:
            self.store.set(f"left/{self.rank}", "1")
            deadline = time.monotonic() + (LEAVING if self.keeps_store else 0)
            while time.monotonic() < deadline and not self.store.check(
                [f"left/{rank}" for rank in range(self.count)]
            ):
                time.sleep(0.05)
        except STORE_GONE:
            pass

    def _tells(self) -> bool:
        """Whether this process is to tell the error: the main one at once, another where nobody does."""
        if self.rank and self._is_told(GRACE):
            return False
        try:
            return bool(self.store.compare_set("told", "", str(self.rank)) == str(self.rank).encode())
        except STORE_GONE:
            return True

    def _is_told(self, patience: float) -> bool:
        """Whether another process says within some seconds that it tells, or is there to notice my end."""
        try:
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if self.store.check(["told"]):
                    return True
                time.sleep(0.05)
            return patience == SAME
        except STORE_GONE:
            return False


def _as_redraft(error: BaseException) -> RedraftError:
    if isinstance(error, RedraftError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("stopped", remedy="What was finished is kept")
    return RedraftError(
        f"redraft has a bug: {type(error).__name__}: {error}",
        remedy="Run it again with --debug and send us the traceback",
    )
