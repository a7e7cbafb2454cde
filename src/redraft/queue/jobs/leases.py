"""Leases: who may run a job, and what the holder writes while it does. Every write is checked by its token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select, update

from redraft.core.errors import NotFound
from redraft.queue.events import append
from redraft.queue.jobs.changes import said
from redraft.queue.jobs.reading import FAR
from redraft.queue.jobs.rows import held
from redraft.state.database import Database
from redraft.state.places import new_id
from redraft.state.tables import Checkpoint, Desired, Job, Run, State, WorkerRow


class Leases:
    """The part of `Jobs` for workers and keepers, while a job runs."""

    database: Database

    def claim(
        self,
        worker: str,
        resources: Sequence[str],
        *,
        host: str,
        seconds: float = 30.0,
        executors: Sequence[str] = ("local",),
    ) -> Job | None:
        """Takes the job that is next: the greatest priority, then the oldest. None where there is nothing to do.

        worker: who takes it. resources: what of "device" and "light" it has free. seconds: how long the
        lease lasts unless it is renewed, at most 300. The job's `lease_token` goes with everything the holder
        writes.
        """
        _check_seconds(seconds)
        with self.database.read() as session:
            candidate = select(Job.id).where(*_ready(self.database.now(session), resources, executors))
            if session.scalar(candidate.limit(1)) is None:
                return None  # without the lock that writers wait for
        with self.database.write() as session:
            now = self.database.now(session)
            first = (
                select(Job.id)
                .where(*_ready(now, resources, executors))
                .order_by(Job.priority.desc(), Job.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            taken = (
                update(Job)
                .where(Job.id == first.scalar_subquery())
                .values(
                    state=State.RUNNING,
                    attempt=Job.attempt + 1,
                    stalled=Job.stalled + 1,
                    lease_token=Job.lease_token + 1,
                    lease_owner=worker,
                    lease_expires_at=now + seconds,
                    heartbeat_at=now,
                    progress_at=now,
                    started_at=now,
                    updated_at=now,
                    host=host,
                    process=None,
                    handle=None,
                )
                .returning(Job)
                .execution_options(synchronize_session=False)
            )
            job = session.scalar(taken)
            if job is not None:
                data = {"attempt": job.attempt, "token": job.lease_token, "host": host}
                append(session, job.id, "attempt", data)
                said(session, job)
            return job

    def heartbeat(
        self,
        id: str,
        token: int,
        *,
        seconds: float = 30.0,
        progress: Mapping[str, Any] | None = None,
        process: Mapping[str, Any] | None = None,
        handle: Mapping[str, Any] | None = None,
        progressed: bool = False,
    ) -> Desired:
        """Renews the lease from now for `seconds`, and returns what its owner wants of the job; LeaseLost.

        progress, process, handle: written where given. progressed: the work itself has come on since.
        """
        _check_seconds(seconds)
        with self.database.write() as session:
            job = held(session, id, token)
            now = self.database.now(session)
            job.heartbeat_at, job.lease_expires_at = now, now + seconds
            if progress is not None:
                job.progress = dict(progress)
            if process is not None:
                job.process = dict(process)
            if handle is not None:
                job.handle = dict(handle)
            if progressed:
                job.progress_at = now
            return Desired(job.desired_state)

    def desired(self, id: str, token: int) -> Desired:
        """What its owner wants of the job, read without writing; LeaseLost."""
        with self.database.read() as session:
            return Desired(held(session, id, token, lock=False).desired_state)

    def record(self, id: str, token: int, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Appends what the work says, (kind, data), in one commit; the row shows its last progress. LeaseLost."""
        if not events:
            return
        with self.database.write() as session:
            job = held(session, id, token)
            for kind, data in events:
                append(session, id, kind, dict(data))
                if kind == "progress":
                    job.progress = dict(data)

    def published(
        self, id: str, token: int, *, run_id: str, step: int, path: str, bytes: int | None = None
    ) -> str:
        """Makes a checkpoint the run's latest, and returns its id; LeaseLost, and then it is not.

        path: relative to the run's folder. A step beyond all earlier ones is progress: attempts count from anew.
        """
        with self.database.write() as session:
            job = held(session, id, token)
            now = self.database.now(session)
            run = session.get(Run, run_id, with_for_update=True)
            if run is None:
                raise NotFound(
                    "there is no such run", where=run_id, remedy="It was deleted under its job: cancel it"
                )
            known = list(session.scalars(select(Checkpoint).where(Checkpoint.run_id == run_id)))
            if all(other.step < step for other in known if not other.removed):
                job.stalled, job.progress_at = 0, now
            for other in known:
                other.latest = False
            found = next((other for other in known if other.step == step), None)
            if found is None:
                found = Checkpoint(id=new_id("ckpt"), run_id=run_id, step=step)
                session.add(found)
            found.path, found.token, found.bytes = path, token, bytes
            found.latest, found.removed, found.created_at = True, False, now
            job.checkpoint_id = found.id
            run.steps = step
            job.updated_at = now
            data = {"checkpoint": found.id, "run": run_id, "step": step, "path": path}
            append(session, id, "checkpoint", data)
            return found.id

    def pruned(self, id: str, token: int, *, run_id: str, kept: Sequence[int]) -> None:
        """The run has removed its checkpoints but those of the steps `kept`; LeaseLost."""
        with self.database.write() as session:
            held(session, id, token)
            session.execute(
                update(Checkpoint)
                .where(Checkpoint.run_id == run_id, Checkpoint.step.not_in(kept), Checkpoint.latest.is_(False))
                .values(removed=True)
            )

    def set_worker(self, id: str, host: str, process: Mapping[str, Any], slots: Mapping[str, int]) -> None:
        """A worker says that it lives."""
        with self.database.write() as session:
            now = self.database.now(session)
            row = session.get(WorkerRow, id, with_for_update=True)
            if row is None:
                row = WorkerRow(id=id, started_at=now)
                session.add(row)
            row.host, row.process, row.slots, row.heartbeat_at = host, dict(process), dict(slots), now

    def drop_worker(self, id: str) -> None:
        """A worker has ended."""
        with self.database.write() as session:
            row = session.get(WorkerRow, id)
            if row is not None:
                session.delete(row)


def _ready(now: float, resources: Sequence[str], executors: Sequence[str]) -> list[Any]:
    return [
        Job.state == State.QUEUED,
        Job.resource.in_(resources),
        Job.executor.in_(executors),
        or_(Job.not_before <= now, Job.not_before > now + FAR),
    ]


def _check_seconds(seconds: float) -> None:
    if not 0 < seconds <= FAR:
        raise ValueError(f"a lease lasts more than 0 and at most {FAR:.0f} seconds, not {seconds}")
