"""Those who listen to events, and the events that are kept at hand for them."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import takewhile

from redraft.web.live.frames import Frame, Wanted

QUEUE = 2000
"""Events that wait for one listener at most; a slower one reads them from the database later."""
RECENT = 50_000
"""Events that are kept at hand for those who come back soon; some 500 bytes each."""


class Listener:
    """One open stream: what it wants and what waits for it."""

    def __init__(self, wanted: Wanted, may_be_over: bool) -> None:
        self.wanted = wanted
        self.behind = True
        """Whether it has to read from the database before it may take what waits."""
        self.may_be_over = may_be_over
        """Whether its job may have ended since it last looked."""
        self.news = asyncio.Event()
        self._waiting: deque[Frame] = deque()

    def give(self, frame: Frame) -> None:
        if self.wanted.takes(frame):
            if len(self._waiting) >= QUEUE:
                self._waiting.clear()
                self.behind = True
            self._waiting.append(frame)
        elif not frame.ends:
            return
        self.may_be_over = self.may_be_over or frame.ends
        self.news.set()

    def take(self) -> list[Frame]:
        self.news.clear()
        frames = list(self._waiting)
        self._waiting.clear()
        return frames


class Recent:
    """The last events in the order of their ids. It spares the database a reading for each who comes back soon."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._of_job: dict[str, deque[Frame]] = {}
        """The same frames again, by job: who listens to one does not look through those of all."""
        self._since: int | None = None
        """Every event after this one that the tailer has seen is here; None while nobody tails."""

    def begin(self, last: int) -> None:
        """From now on every event after `last` is kept."""
        self._frames.clear()
        self._of_job.clear()
        self._since = last

    def end(self) -> None:
        self._since = None

    def keep(self, frame: Frame) -> None:
        self._frames.append(frame)
        if frame.job is not None:
            self._of_job.setdefault(frame.job, deque()).append(frame)
        if len(self._frames) > RECENT:
            self._forget(self._frames.popleft())

    def _forget(self, oldest: Frame) -> None:
        self._since = oldest.id
        if oldest.job is not None:
            frames = self._of_job[oldest.job]
            frames.popleft()
            if not frames:
                del self._of_job[oldest.job]

    def catch_up(self, listener: Listener, after: int) -> None:
        """Gives what came after `after`, where all of it is at hand; else the listener stays behind."""
        if self._since is None or after < self._since:
            return
        listener.behind = False
        job = listener.wanted.job
        frames = self._frames if job is None else self._of_job.get(job, ())
        for frame in reversed(list(takewhile(lambda frame: frame.id > after, reversed(frames)))):
            listener.give(frame)
