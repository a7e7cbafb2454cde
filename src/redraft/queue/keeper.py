"""`python -m redraft.queue.keeper JOB TOKEN`: holds the lease of one job while it runs, in a session of its own.

It starts the work, writes down what that says, renews the lease, sees within a tenth of a second what is wanted of
the job, and enters how it ended. It is the only writer for its job, and every write carries its token. Server and
worker may come and go meanwhile. When it dies itself, its pipes close, and the work saves and ends.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from redraft.core.errors import LeaseLost, RedraftError
from redraft.queue import liveness
from redraft.queue.jobs import Jobs
from redraft.queue.keeping.child import Child
from redraft.queue.keeping.ending import Asked, conclude
from redraft.queue.keeping.lease import AGAIN, AWAY, Lease, lease_seconds
from redraft.queue.keeping.watching import TICK, USUAL, Patience, Watch
from redraft.queue.kinds.base import Start
from redraft.state.database import Database
from redraft.state.tables import Job

DATABASE_PATIENCE = 2.0
"""Seconds to wait for another writer; what cannot be written then is tried again later."""
LOST = 3
"""The exit code of a keeper that has lost its lease."""


class Keeper:
    def __init__(self, jobs: Jobs, lease: Lease, patience: Patience = USUAL) -> None:
        self.jobs, self.lease, self.patience = jobs, lease, patience
        self._watch: Watch | None = None
        self._leaving = False

    def keep(self) -> None:
        """From the claim to the end; LeaseLost where the job was given to somebody else: nothing runs then."""
        self._take_up()
        # Whatever an earlier keeper could not tell any more that it had started: no job runs twice.
        liveness.end_job(self.lease.job, grace=1.0)
        try:
            start, run = self.lease.insist(self._start)
        except LeaseLost:
            raise
        except RedraftError as error:
            conclude(self.lease, error, Asked())
            return
        child = Child(self.lease.job, start, lambda: [self.lease.message()])
        watch = self._watch = Watch(child, self.lease, self.patience, Asked(resumable=start.resumable), run)
        watch.leaving = self._leaving
        try:
            watch.watch()
            liveness.end_job(self.lease.job, grace=1.0)  # what it left behind, before anybody may begin again
            watch.write_all()
        except LeaseLost:
            self._abandon(child)
            raise
        assert child.outcome is not None
        conclude(self.lease, child.outcome, watch.asked)

    def leave(self) -> None:
        """Has the work saved and gives the job back. Safe in a signal's handler."""
        self._leaving = True
        if self._watch is not None:
            self._watch.leaving = True

    def _take_up(self) -> None:
        """Says who keeps the job now, before anything is begun."""
        while self.lease.renew(process={"keeper": liveness.identity()}) is None:
            self.lease.check()
            time.sleep(AGAIN)

    def _start(self) -> tuple[Start, str]:
        """What is to be done, and the id of the run that it trains."""
        kinds = self.jobs.kinds or {}
        with self.jobs.database.write() as session:
            job = session.get(Job, self.lease.job, with_for_update=True)
            if job is None or job.lease_token != self.lease.token:
                raise LeaseLost("the job was given to somebody else", where=self.lease.job)
            return kinds[job.kind].start(session, job), str((job.output or {}).get("run", ""))

    def _abandon(self, child: Child) -> None:
        """The lease is lost: nothing is written any more, and nothing is left running."""
        child.ask_to_stop("lost")
        deadline = time.monotonic() + self.patience.grace
        while child.outcome is None and time.monotonic() < deadline:
            child.event(TICK)
        liveness.end_job(self.lease.job, grace=0.0)


def main(kinds: Mapping[str, Any] | None = None, patience: Patience = USUAL) -> int:
    """kinds: of job, those of redraft by default."""
    job, token = sys.argv[1], int(sys.argv[2])
    jobs = Jobs(_open(lease_seconds()), kinds)
    keeper = Keeper(jobs, Lease(jobs, job, token, lease_seconds()), patience)
    signal.signal(signal.SIGTERM, lambda *_: keeper.leave())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        keeper.keep()
    except LeaseLost as error:
        print(f"{job}, token {token}: {error}", file=sys.stderr)
        return LOST
    return 0


def _open(seconds: float) -> Database:
    """The database, waited for as long as the lease lasts that was taken for this keeper."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return Database.open(patience=DATABASE_PATIENCE)
        except AWAY:
            if time.monotonic() > deadline:
                raise
            time.sleep(AGAIN)


if __name__ == "__main__":
    sys.exit(main())
