"""What people ask of jobs: submit, pause, resume, cancel, delete. Every answer comes at once; intent is durable.

docs/jobs.md has one table of what each does in each state.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from redraft.core.errors import Conflict
from redraft.queue.jobs.changes import Kinds, end, enqueue, obstacle, reopen_dependants, rest, said
from redraft.queue.jobs.removal import Removal, made_by, remove, users_of
from redraft.queue.jobs.rows import dependants_of, lock_graph, locked
from redraft.state.database import Database
from redraft.state.tables import ENDED, Desired, Job, State

ENDING = {Desired.CANCEL: "being cancelled", Desired.DELETE: "being deleted"}


class Wishes:
    """The part of `Jobs` for the owner of a job. NotFound where there is none; a Conflict names the state."""

    database: Database
    kinds: Kinds

    def pause(self, id: str) -> Job:
        """It saves at its next step and ends, and its device is free; or it does not begin. Twice is no error."""
        with self.database.write() as session:
            job = locked(session, id)
            now = self.database.now(session)
            if job.state in ENDED:
                raise _conflict(job, "cannot be paused")
            if job.state == State.RUNNING:
                _not_ending(job, "cannot be paused")
                _want(session, job, Desired.PAUSE, now)
            elif job.state != State.PAUSED:
                rest(session, self.kinds, job, now, "paused before it began" if not job.attempt else "paused")
            return job

    def resume(self, id: str) -> Job:
        """It goes on from its last checkpoint as soon as there is a place for it. Resuming twice is no error.

        A job that failed or was cancelled is tried again, with all attempts before it; so are those that failed
        only because they need it.
        """
        with self.database.write() as session:
            lock_graph(session)
            job = locked(session, id)
            now = self.database.now(session)
            if job.state == State.FINISHED:
                raise _conflict(job, "cannot be resumed")
            if job.state == State.RUNNING:
                _not_ending(job, "cannot be resumed")
                _want(session, job, Desired.RUN, now)
            elif job.state in (State.PAUSED, State.FAILED, State.CANCELLED):
                found = obstacle(session, job)
                if found is not None:
                    raise found
                ended = job.state in ENDED
                job.stalled, job.error = 0, None
                enqueue(session, job, now)
                if ended:
                    reopen_dependants(session, job, now)
            return job

    def cancel(self, id: str) -> Job:
        """It ends for good, and keeps what it has made so far; those that wait for it fail. Twice is no error."""
        with self.database.write() as session:
            lock_graph(session)
            job = locked(session, id)
            now = self.database.now(session)
            if job.state in (State.FINISHED, State.FAILED):
                raise _conflict(job, "cannot be cancelled")
            if job.state == State.RUNNING:
                if job.desired_state == Desired.DELETE:
                    raise _conflict(job, "cannot be cancelled")
                _want(session, job, Desired.CANCEL, now)
            elif job.state != State.CANCELLED:
                end(session, self.kinds, job, State.CANCELLED, now, "cancelled before it ran")
            return job

    def delete(self, id: str, *, files: bool = False) -> Job:
        """Removes a job and its log; files: also what it made. One that runs is ended first, never orphaned.

        Returns the job as it was last. Conflict where files are to go that other jobs, which have not ended, use.
        """
        removal: Removal | None = None
        with self.database.write() as session:
            lock_graph(session)
            job = locked(session, id)
            now = self.database.now(session)
            if files:
                _not_in_use(session, job)
            job.delete_files = job.delete_files or files
            if job.state == State.RUNNING:
                _want(session, job, Desired.DELETE, now)
            else:
                removal = remove(session, self.kinds, job, now)
        if removal is not None:
            removal.remove_files()
        return job


def _want(session: Session, job: Job, desired: Desired, now: float) -> None:
    if job.desired_state != desired:
        job.desired_state, job.updated_at = desired, now
        said(session, job)


def _not_ending(job: Job, what: str) -> None:
    if job.desired_state in ENDING:
        raise _conflict(job, what)


def _not_in_use(session: Session, job: Job) -> None:
    """What a job made may be another one's input. Those that wait for it to be made fail; others must not."""
    waiting = {dependant.id for dependant in dependants_of(session, [job.id]) if dependant.state not in ENDED}
    users = {user.id for user in users_of(session, made_by(session, job))} - {job.id}
    names = sorted(users | waiting if job.state == State.FINISHED else users - waiting)
    if names:
        raise Conflict(
            f"what this job made is in use by {', '.join(names[:3])}" + (" and others" if len(names) > 3 else ""),
            where=job.id,
            remedy="Cancel them first, or delete the job without its files",
        )


def _conflict(job: Job, what: str) -> Conflict:
    state = ENDING.get(Desired(job.desired_state)) if job.state == State.RUNNING else f"{job.state}"
    remedies = {
        State.FINISHED: "Its result is there; delete it, or submit it anew",
        State.FAILED: "Resume it to try again, or delete it",
        State.CANCELLED: "Resume it, or delete it",
        State.RUNNING: "Wait until it has ended",
    }
    return Conflict(f"this job is {state} and {what}", where=job.id, remedy=remedies[State(job.state)])
