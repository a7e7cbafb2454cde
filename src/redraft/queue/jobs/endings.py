"""How an attempt ends: with a result, an error, a pause, a wish of the owner's, or the death of its holder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from redraft.core.errors import Conflict, WorkerLost
from redraft.queue.jobs.changes import Kinds, end, enqueue, enter, open_dependants, rest
from redraft.queue.jobs.removal import Removal, remove
from redraft.queue.jobs.rows import held, lock_graph
from redraft.state.database import Database
from redraft.state.tables import Desired, Job, State

MAX_STALLED = 3
"""Attempts in a row without a newer checkpoint after which a job has failed."""
BACKOFF = (0.0, 5.0, 30.0)
"""Seconds before the next attempt, by how many in a row came no further."""

Rows = Callable[[Session, Job], None]


class Endings:
    """The part of `Jobs` that ends attempts. All but `rescue` are for the holder; all raise LeaseLost."""

    database: Database
    kinds: Kinds

    def finish(self, id: str, token: int, result: Mapping[str, Any] | None, rows: Rows | None = None) -> None:
        """It is done. rows: writes what it made into its tables, in the same transaction; else its kind does.

        A wish to pause or cancel came too late; a wish to delete is fulfilled.
        """
        with self.database.write() as session:
            lock_graph(session)
            job = held(session, id, token)
            now = self.database.now(session)
            wanted = job.desired_state
            job.result = dict(result) if result is not None else None
            job.error, job.stalled = None, 0
            enter(session, job, State.FINISHED, now)
            self._finished(session, job, rows)
            if wanted != Desired.DELETE or not job.delete_files:
                open_dependants(session, job, now)
            removal = remove(session, self.kinds, job, now) if wanted == Desired.DELETE else None
        _files(removal)

    def fail(
        self, id: str, token: int, error: Mapping[str, Any], *, retry: bool, rows: Rows | None = None
    ) -> None:
        """It ended with an error (`RedraftError.as_data()`). retry: another attempt may go better.

        rows: writes what is known of the failure into its tables, if no attempt follows; else its kind does.
        """
        with self.database.write() as session:
            lock_graph(session)
            job = held(session, id, token)
            job.error = dict(error)
            removal = self._over(session, job, str(error.get("what", "it failed")), retry=retry, pause=BACKOFF[1:])
            if rows is not None and job.state == State.FAILED:
                rows(session, job)
        _files(removal)

    def rescue(self, id: str, token: int, reason: str) -> None:
        """Its holder is dead and nothing of it runs any more: another attempt, or failed where none comes further.

        token: of the lease that is over, so that two who find it do this once; LeaseLost to the second.
        """
        with self.database.write() as session:
            lock_graph(session)
            job = held(session, id, token)
            job.error = WorkerLost(reason, where=id).as_data()
            removal = self._over(session, job, reason, retry=True, pause=BACKOFF)
        _files(removal)

    def paused(self, id: str, token: int, reason: str, *, asked: bool = False) -> None:
        """It has saved and ended so that it can go on later.

        asked: because its owner wanted so; where that was taken back in the meantime, it is queued again. Else
        because it could not go on for now, as the reason says (a full disk).
        """
        with self.database.write() as session:
            lock_graph(session)
            job = held(session, id, token)
            now = self.database.now(session)
            job.stalled = max(0, job.stalled - 1)
            removal = None
            if job.desired_state in (Desired.CANCEL, Desired.DELETE):
                removal = self._wish(session, job, now)
            elif asked and job.desired_state == Desired.RUN:
                enqueue(session, job, now, "goes on: its pause was taken back")
            else:
                rest(session, self.kinds, job, now, reason)
        _files(removal)

    def released(self, id: str, token: int, reason: str) -> None:
        """It has saved and ended because its worker stops in order: it is queued again, as if never begun."""
        with self.database.write() as session:
            lock_graph(session)
            job = held(session, id, token)
            job.stalled = max(0, job.stalled - 1)
            now = self.database.now(session)
            removal = None
            if job.desired_state == Desired.RUN:
                enqueue(session, job, now, reason)
            else:
                removal = self._wish(session, job, now)
        _files(removal)

    def ended(self, id: str, token: int) -> None:
        """It has ended because its owner wanted it cancelled or deleted; Conflict where nobody did."""
        with self.database.write() as session:
            lock_graph(session)
            job = held(session, id, token)
            if job.desired_state not in (Desired.CANCEL, Desired.DELETE):
                raise Conflict("nobody asked to cancel or delete this job", where=id, remedy="Tell how it ended")
            removal = self._wish(session, job, self.database.now(session))
        _files(removal)

    def _over(
        self, session: Session, job: Job, reason: str, *, retry: bool, pause: tuple[float, ...]
    ) -> Removal | None:
        """An attempt came to nothing: what the owner wants comes first, then another attempt, then failure."""
        now = self.database.now(session)
        if job.desired_state in (Desired.CANCEL, Desired.DELETE):
            return self._wish(session, job, now)
        if retry and job.desired_state == Desired.PAUSE and job.stalled < MAX_STALLED:
            rest(session, self.kinds, job, now, reason)
        elif retry and job.stalled < MAX_STALLED:
            delay = pause[min(max(job.stalled - 1, 0), len(pause) - 1)]
            enqueue(session, job, now, f"tried again after attempt {job.attempt}: {reason}", delay=delay)
        else:
            if retry:
                reason = f"{job.stalled} attempts came no further, the last one: {reason}"
            end(session, self.kinds, job, State.FAILED, now, reason)
        return None

    def _wish(self, session: Session, job: Job, now: float) -> Removal | None:
        """Fulfils what its owner wants of a job that runs no more, but for going on."""
        if job.desired_state == Desired.DELETE:
            return remove(session, self.kinds, job, now)
        if job.desired_state == Desired.CANCEL:
            end(session, self.kinds, job, State.CANCELLED, now, "cancelled while it ran")
        elif job.desired_state == Desired.PAUSE:
            rest(session, self.kinds, job, now, "paused while it ran")
        return None

    def _finished(self, session: Session, job: Job, rows: Rows | None) -> None:
        if rows is not None:
            rows(session, job)
        elif job.kind in self.kinds:
            self.kinds[job.kind].finished(session, job, job.result or {})


def _files(removal: Removal | None) -> None:
    """After the commit: what a row no longer names may go; a crash in between leaves it to the next sweep."""
    if removal is not None:
        removal.remove_files()
