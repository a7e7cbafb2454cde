"""New jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json
from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.core.errors import Conflict, UsageError
from redraft.queue.jobs.changes import WITHOUT_RESULT, Kinds, enqueue
from redraft.queue.jobs.rows import lock_graph, locked, no_job
from redraft.queue.kinds import Kind
from redraft.state.database import Database
from redraft.state.documents import as_text
from redraft.state.places import new_id
from redraft.state.tables import Desired, Job, Needs, State

PRIORITY = 1000
"""The greatest priority of a job; the least is as far below 0."""
LONGEST = {"title": 200, "key": 255, "owner": 80, "executor": 20}
"""Characters."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Submitting:
    """The part of `Jobs` that takes new ones."""

    database: Database
    kinds: Kinds

    def submit(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        title: str = "",
        priority: int = 0,
        needs: Sequence[str] = (),
        key: str | None = None,
        owner: str = "local",
        executor: str = "local",
        local: bool = False,
    ) -> Job:
        """A new job; or, where `owner` has given this `key` before, the job of that time.

        kind, payload: as its kind's model says; a UsageError names what is wrong. needs: ids of jobs that must
        have finished first, besides those that make what the payload names. priority: the greater goes first.
        local: it comes from this machine's own command line, so its payload may name paths.
        Conflict where the key was given with another request, or where a needed job has failed, was cancelled or
        is being deleted.
        """
        found = self._kind(kind)
        given = found.read(payload, local=local)
        asked: dict[str, Any] = from_json(as_text(given.model_dump(mode="json")))  # as it will be read again
        title, label = _checked("title", title), _checked("title", found.label(given)[: LONGEST["title"]])
        owner, executor = _checked("owner", owner), _checked("executor", executor)
        key = None if key is None else _checked("key", key)
        if abs(priority) > PRIORITY:
            raise UsageError(
                f"{priority} is too far out", where="priority", remedy=f"Give -{PRIORITY} to {PRIORITY}"
            )
        with self.database.write() as session:
            lock_graph(session)
            earlier = _earlier(session, owner, key)
            if earlier is not None:
                return _same(earlier, kind, asked)
            now = self.database.now(session)
            job = Job(
                id=new_id("job"), kind=kind, title=title or label, payload=asked, output={},
                resource=found.resource, executor=executor, priority=priority, owner=owner, idempotency_key=key,
                state=State.QUEUED, desired_state=Desired.RUN, attempt=0, stalled=0, lease_token=0,
                created_at=now, updated_at=now,
            )  # fmt: skip
            for id in needs:
                _check_owner(session, id, None if local else owner)
            _needs(session, job, [*needs, *found.plan(session, job, given)])
            enqueue(session, job, now)
            return job

    def _kind(self, name: str) -> Kind[Any]:
        if name not in self.kinds:
            known = ", ".join(sorted(self.kinds))
            raise UsageError(f"there is no kind of job '{name}'", where="kind", remedy=f"Kinds: {known}")
        return self.kinds[name]


def _checked(name: str, text: str) -> str:
    """PostgreSQL takes no NUL and no text longer than its column, and terminals do what control characters say."""
    if len(text) > LONGEST[name]:
        longest = LONGEST[name]
        raise UsageError(f"it has more than {longest} characters", where=name, remedy="Give a shorter one")
    return CONTROL.sub(" ", text).encode("utf-8", "replace").decode()


def _earlier(session: Session, owner: str, key: str | None) -> Job | None:
    if key is None:
        return None
    return session.scalar(select(Job).where(Job.owner == owner, Job.idempotency_key == key))


def _same(earlier: Job, kind: str, asked: dict[str, Any]) -> Job:
    if (earlier.kind, earlier.payload) != (kind, asked):
        raise Conflict(
            "this idempotency key was given with another request",
            where=str(earlier.idempotency_key),
            remedy="Give a new key for a new request",
        )
    return earlier


def _check_owner(session: Session, id: str, owner: str | None) -> None:
    """NotFound for another owner's job, as for one that does not exist; None: this machine's own command line."""
    job = session.get(Job, id)
    if job is None or (owner is not None and job.owner != owner):
        raise no_job(id)


def _needs(session: Session, job: Job, ids: Sequence[str]) -> None:
    """Writes what it needs. They are locked, so none of them ends before this job is there to be told."""
    for id in sorted(set(ids)):
        need = locked(session, id)
        what = WITHOUT_RESULT.get(State(need.state))
        if need.desired_state in (Desired.CANCEL, Desired.DELETE):
            what = what or "is being ended"
        if what is not None:
            raise Conflict(f"it needs {id}, which {what}", where="needs", remedy=f"Resume {id} first")
    session.add(job)
    session.flush()
    session.add_all(Needs(job_id=job.id, needs_id=id) for id in sorted(set(ids)))
    session.flush()
