"""The worker's loop: takes jobs as it has room for them, starts a keeper for each, and picks up after dead ones.

It holds nothing that must not be lost: jobs run on while it is away, and the next worker finds them.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping

from redraft.core.errors import Busy, LeaseLost, NotFound, RedraftError, StateError
from redraft.queue import liveness
from redraft.queue.executors.base import Executor, Handle
from redraft.queue.jobs import Jobs
from redraft.queue.keeping.lease import AWAY, lease_seconds
from redraft.queue.retention import forget_detail, kept_days
from redraft.state.places import new_id
from redraft.state.tables import Job, WorkerRow

ROUND = 0.25
"""Seconds between two rounds."""
REGISTER = 5.0
"""Seconds between two signs of life of the worker itself."""
FORGET = 3600.0
"""Seconds between two looks for events that are kept no longer."""
GONE = 60.0
"""Seconds without a sign of life after which a worker that cannot be seen from here counts as gone."""

FULL = 5.0
"""Seconds until an executor that had no room, or did not answer, is tried again."""
DIED = "its keeper died"
NOT_BEGUN = "its worker died before it had begun"

Tell = Callable[[str], None]


class Worker:
    """slots: how many jobs of each resource run at once here. tell: gets a sentence about whatever happens."""

    def __init__(
        self, jobs: Jobs, slots: Mapping[str, int], executors: Mapping[str, Executor], tell: Tell
    ) -> None:
        self.jobs, self.slots, self.executors, self.tell = jobs, dict(slots), dict(executors), tell
        self.id, self.host = new_id("worker"), liveness.host()
        self.claiming = True
        """False lets no further job begin."""
        self._registered = 0.0
        self._days, self._forget_at = kept_days(), 0.0
        self._living: set[str] = set()
        self._begun: dict[str, tuple[int, Handle]] = {}
        self._full: dict[str, float] = {}
        self._told: set[str] = set()
        self.trouble = ""
        """Why the database could not be used in the last round."""

    def round(self) -> list[Job]:
        """One look at everything; the jobs that occupy slots here. A database that is away is told of once."""
        try:
            self._register()
            self._know_workers()
            running = self._look_after(self.jobs.running())
            self._tell_ended({job.id for job in running})
            mine = self._occupying(running)
            if self.claiming:
                mine += self._claim(Counter(job.resource for job in mine))
            self._forget()
        except AWAY as error:
            if not self.trouble:
                self.tell(f"the database cannot be used for now: {error}")
            self.trouble = str(error)
            return []
        if self.trouble:
            self.tell("the database is back")
        self.trouble = ""
        return mine

    def leave(self) -> None:
        """Takes its row away. Its jobs run on; the next worker of this machine looks after them."""
        self.jobs.drop_worker(self.id)

    def stop_jobs(self, jobs: list[Job]) -> None:
        """Asks their keepers to have them saved and to give them back."""
        for job in jobs:
            if job.handle and job.executor in self.executors:
                self.executors[job.executor].stop(job.handle)

    def _register(self) -> None:
        if time.monotonic() - self._registered < REGISTER and self._registered:
            return
        self.jobs.set_worker(self.id, self.host, liveness.identity(), self.slots)
        self._registered = time.monotonic()

    def _forget(self) -> None:
        if time.monotonic() < self._forget_at:
            return
        done = forget_detail(self.jobs.database, self._days)
        self._forget_at = time.monotonic() + (FORGET if done else REGISTER)

    def _know_workers(self) -> None:
        """Which workers live; the rows of those that do not are taken away."""
        rows = self.jobs.workers()
        now = next((row.heartbeat_at for row in rows if row.id == self.id), 0.0)
        self._living = {row.id for row in rows if _lives(row, now)}
        for row in rows:
            if row.id not in self._living:
                self.jobs.drop_worker(row.id)

    def _occupying(self, running: list[Job]) -> list[Job]:
        """What runs in this worker's slots: its own jobs, and those of workers of this machine that are gone."""
        return [
            job
            for job in running
            if job.lease_owner == self.id or (job.host == self.host and job.lease_owner not in self._living)
        ]

    def _claim(self, occupied: Counter[str]) -> list[Job]:
        taken = []
        while free := [name for name, count in self.slots.items() if occupied[name] < count]:
            ready = [name for name in self.executors if self._full.get(name, 0.0) <= time.monotonic()]
            job = self.jobs.claim(self.id, free, host=self.host, seconds=lease_seconds(), executors=ready)
            if job is None:
                break
            occupied[job.resource] += 1
            taken.append(job)
            self._begin(job)
        return taken

    def _begin(self, job: Job) -> None:
        try:
            handle = self.executors[job.executor].submit(job)
        except (Busy, StateError) as error:
            self._full[job.executor] = time.monotonic() + FULL
            self.jobs.released(job.id, job.lease_token, str(error))
            self.tell(f"{job.id} waits: {error}")
            return
        except RedraftError as error:
            self.jobs.fail(job.id, job.lease_token, error.as_data(), retry=True)
            self.tell(f"{job.id} could not be started: {error}")
            return
        self._begun[job.id] = job.lease_token, handle
        self.tell(f"{job.id} {job.kind}{f' ({job.title})' if job.title else ''}: attempt {job.attempt} begins")
        with contextlib.suppress(LeaseLost):  # it has ended already
            self.jobs.heartbeat(job.id, job.lease_token, seconds=lease_seconds(), handle=handle)

    def _tell_ended(self, running: set[str]) -> None:
        for id in self._begun.keys() - running:
            del self._begun[id]
            try:
                job = self.jobs.get(id)
            except NotFound:
                self.tell(f"{id}: deleted")
                continue
            self.tell(f"{id}: {job.state}{f', {job.reason}' if job.reason else ''}")

    def _look_after(self, running: list[Job]) -> list[Job]:
        """Picks up the jobs whose keepers are dead; those that are left."""
        expired = {job.id for job in self.jobs.expired(host_not="")}
        left = []
        for job in running:
            reason = self._lost(job, job.id in expired)
            if reason is None or not self._recover(job, reason):
                left.append(job)
        return left

    def _lost(self, job: Job, expired: bool) -> str | None:
        """Why nobody looks after a job any more; None where somebody does, or may."""
        if job.executor not in self.executors:
            return None
        silent = f"nothing was heard of it on {job.host} for as long as its lease lasted" if expired else None
        handle = self._handle(job)
        if handle is not None:
            life = self.executors[job.executor].poll(handle)
            return DIED if life == "dead" else silent if life == "unknown" else None
        if job.host == self.host and job.lease_owner not in self._living:
            return NOT_BEGUN
        return silent

    def _handle(self, job: Job) -> Handle | None:
        """From its row; from memory where the database could not be written when its keeper was started; or as the
        keeper itself has said."""
        if job.handle:
            return job.handle
        token, handle = self._begun.get(job.id, (0, None))
        if token == job.lease_token:
            return handle
        return {"job": job.id, "keeper": job.process["keeper"]} if job.process else None

    def _recover(self, job: Job, reason: str) -> bool:
        """Whether the job has been handed on: nothing of it runs any more, and this is written."""
        handle = self._handle(job) or {"job": job.id}
        executor = self.executors[job.executor]
        if job.id not in self._told:
            self.tell(f"{job.id}: {reason}")
            self._told.add(job.id)
        if reason in (DIED, NOT_BEGUN) and not executor.recover(handle):
            return False
        self._told.discard(job.id)
        self._begun.pop(job.id, None)
        with contextlib.suppress(LeaseLost):  # another worker was quicker
            if reason == NOT_BEGUN:  # nothing was tried: it is not held against the job
                self.jobs.released(job.id, job.lease_token, reason)
            else:
                self.jobs.rescue(job.id, job.lease_token, reason)
        return True


def _lives(row: WorkerRow, now: float) -> bool:
    """now: by the database's clock, as of the last sign of life of who asks."""
    if liveness.here(row.process):
        return liveness.alive(row.process)
    return now - row.heartbeat_at < GONE
