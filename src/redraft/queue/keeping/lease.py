"""The lease as its holder sees it: how long it lasts still, and writes that are tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from redraft.core.environment import number
from redraft.core.errors import LeaseLost, Paused, StateError
from redraft.core.permit import clock
from redraft.queue.jobs import Jobs
from redraft.state.tables import Desired

SECONDS = 30.0
"""A lease lasts so long from each renewal, unless REDRAFT_LEASE says otherwise (2 to 300 seconds)."""
VARIABLE = "REDRAFT_LEASE"
MARGIN = 5.0
"""So much earlier the work stops by itself, since a step that was begun takes a while."""
FINAL_PATIENCE = 600.0
"""Seconds that the end of a job is tried to be written, its token being checked, when the database is away."""
AWAY = (StateError, Paused)
"""Errors of a database that cannot be used now, and may be later: locked, not reachable, its disk full."""
AGAIN = 0.5
"""Seconds between two tries."""

Value = TypeVar("Value")


def lease_seconds() -> float:
    """How long a lease lasts here; a UsageError where REDRAFT_LEASE is no such number."""
    return number(VARIABLE, SECONDS, least=2, most=300, unit="seconds")


class Lease:
    """Of one claim of one job. What is written through it carries its token; a LeaseLost is final."""

    def __init__(self, jobs: Jobs, job: str, token: int, seconds: float) -> None:
        self.jobs, self.job, self.token, self.seconds = jobs, job, token, seconds
        self._until = clock() + seconds
        self.unwritten = ""
        """Why the last write failed; empty where it went well."""

    def left(self) -> float:
        """Seconds until somebody else may take the job; negative afterwards."""
        return self._until - clock()

    def check(self) -> None:
        """LeaseLost where it was not renewed in time."""
        if self.left() < 0:
            raise LeaseLost(
                f"the lease could not be renewed in time ({self.unwritten})",
                where=f"{self.job}, token {self.token}",
                remedy="Nothing is to be done: the job goes on when the database can be written again",
            )

    def message(self) -> dict[str, Any]:
        """What the work is told: that it may go on for so long (core.permit.Wire)."""
        margin = min(MARGIN, self.seconds / 4)
        return {"lease": {"token": str(self.token), "seconds": max(self.left() - margin, 0.0), "at": clock()}}

    def beat(self, **facts: Any) -> Desired:
        """Renews the lease and writes these facts (Jobs.heartbeat); what is wanted of the job. LeaseLost,
        StateError."""
        began = clock()
        wanted = self.jobs.heartbeat(self.job, self.token, seconds=self.seconds, **facts)
        self._until = began + self.seconds
        return wanted

    def renew(self, **facts: Any) -> Desired | None:
        """As `beat`; None where the database cannot be written now."""
        wanted: list[Desired] = []
        self.attempt(lambda: wanted.append(self.beat(**facts)))
        return wanted[0] if wanted else None

    def attempt(self, write: Callable[[], object]) -> bool:
        """Writes once; False where the database is locked, not reachable or full."""
        try:
            write()
        except AWAY as error:
            self.unwritten = str(error)
            return False
        self.unwritten = ""
        return True

    def insist(self, write: Callable[[], Value], patience: float | None = None) -> Value:
        """Writes as soon as it can be; LeaseLost where not before the lease ends, or within `patience` seconds."""
        deadline = self._until if patience is None else clock() + patience
        while True:
            try:
                return write()
            except AWAY as error:
                if clock() > deadline:
                    raise LeaseLost(f"the database could not be written in time ({error.what})") from error
            time.sleep(AGAIN)
