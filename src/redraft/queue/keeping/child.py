"""The work of a job as its keeper sees it: a process that is heard without waiting, told things, and ended."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from redraft.core.errors import RedraftError
from redraft.core.verb import Result
from redraft.queue import liveness
from redraft.queue.keeping.logs import OUTPUT, BoundedLog, job_folder
from redraft.queue.kinds.base import Start
from redraft.queue.local import LocalProcess
from redraft.queue.recovering import RecoveringProcess
from redraft.state.database import VARIABLE

KEPT_BACK = (VARIABLE, "REDRAFT_TOKEN")
"""Variables that the work has no need of; they may hold secrets."""

LINGER = 0.5
"""Seconds that processes of a dead one may still hold its pipes open."""
Event = Mapping[str, Any]


class Child:
    """Starts the work. first: gives the messages that each of its processes gets right after its request."""

    def __init__(self, job: str, start: Start, first: Callable[[], Sequence[Event]]) -> None:
        self.job = job
        self.started_at = self.heard_at = time.monotonic()
        self.outcome: Result | RedraftError | None = None
        """What it came to; None while it runs."""
        self.changed = True
        """Whether its process is a new one since somebody looked (`identity`)."""
        self._dead_since: float | None = None
        self._log = BoundedLog(job_folder(job) / OUTPUT)
        self._first = first
        self._heard: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._process = RecoveringProcess(start.verb, start.request, begin=self._begin)
        threading.Thread(target=self._listen, daemon=True).start()

    def _begin(self, verb: str, request: Mapping[str, Any]) -> LocalProcess:
        environment = {liveness.MARK: self.job, **dict.fromkeys(KEPT_BACK)}
        process = LocalProcess(verb, request, environment=environment, first=self._first(), heard=self._log.write)
        self._pid, self.changed = process.pid, True
        return process

    def _listen(self) -> None:
        try:
            for event in self._process.events():
                self._heard.put(event)
            self._outcome: Result | RedraftError = self._process.result()
        except RedraftError as error:
            self._outcome = error
        self._heard.put(None)

    def event(self, seconds: float) -> Event | None:
        """The next thing it says, waited for at most so long. At its end `outcome` is set."""
        try:
            found = self._heard.get(timeout=seconds) if seconds > 0 else self._heard.get_nowait()
        except queue.Empty:
            return None
        self.heard_at = time.monotonic()
        if found is None:
            self.outcome = self._outcome
        return found

    def identity(self) -> dict[str, Any] | None:
        """Of its present process; None where that has ended already."""
        self.changed = False
        return liveness.identity_or_none(self._pid)

    def send(self, message: Event) -> None:
        self._process.send(message)

    def ask_to_stop(self, why: Literal["pause", "cancel", "lost"]) -> None:
        """Asks it to save and end. "lost": it may write nothing any more."""
        self._process.send({"stop": why})

    def let_go_of_dead(self) -> None:
        """Where its main process has died and others hold its pipes open, those are ended too."""
        if self.outcome is None and self._process.has_ended():
            self._dead_since = self._dead_since or time.monotonic()
            if time.monotonic() - self._dead_since > LINGER:
                self.kill()
        else:
            self._dead_since = None

    def kill(self) -> None:
        """Ends every process of it at once."""
        liveness.signal_job(self.job, hard=True)
