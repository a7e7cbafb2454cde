"""What happens to jobs, as a growing list that is never changed: the source of every live view.

Events of a transaction are written at its very end, under a lock that only this uses. So ids become visible in
growing order on PostgreSQL too, where two transactions write side by side, and a reader that remembers the last
id it saw never misses one. On SQLite there is one writer at a time anyway.

Kinds: state {state, desired_state, reason}; progress {stage, done, total, note}; log {message, level}; metric;
left_out {id, reason}; checkpoint {checkpoint, run, step, path}; attempt {attempt, token, host};
deleted {files, folders}.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import event, func, insert, select
from sqlalchemy.orm import Session

from redraft.state.database import Database
from redraft.state.tables import Event

PENDING = "redraft.events"
LOCK = 0x7265_6472_6166_7401
"""The key of PostgreSQL's advisory lock under which events are written. Nothing else is waited for under it."""


def append(session: Session, job_id: str | None, kind: str, data: dict[str, Any]) -> None:
    """Adds an event to what the session's transaction will write; it is there once that has been committed."""
    session.info.setdefault(PENDING, []).append({"job_id": job_id, "kind": kind, "data": data})


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    pending = session.info.pop(PENDING, None)
    if not pending:
        return
    session.flush()  # rows may be waited for here, so before the lock
    database: Database = session.info["database"]
    if not database.is_sqlite:
        session.execute(select(func.pg_advisory_xact_lock(LOCK)))
    at = database.now(session)
    session.execute(insert(Event), [{**row, "at": at} for row in pending])


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(PENDING, None)


def after(
    database: Database,
    id: int,
    *,
    job: str | None = None,
    kinds: Collection[str] | None = None,
    limit: int = 500,
) -> list[Event]:
    """The events that follow the one with this id, the oldest first: of all jobs or of one, of all kinds or some.

    id 0 is before the first. At most `limit` of them; ask again from the last one for more.
    """
    query = select(Event).where(Event.id > id).order_by(Event.id).limit(limit)
    if job is not None:
        query = query.where(Event.job_id == job)
    if kinds is not None:
        query = query.where(Event.kind.in_(kinds))
    with database.read() as session:
        return list(session.scalars(query))


def latest(database: Database, job: str, kinds: Collection[str], limit: int) -> list[Event]:
    """The last `limit` events of these kinds of a job, the oldest of them first."""
    query = select(Event).where(Event.job_id == job, Event.kind.in_(kinds)).order_by(Event.id.desc()).limit(limit)
    with database.read() as session:
        return list(session.scalars(query))[::-1]


def last_id(database: Database) -> int:
    """The id of the newest event; 0 where there is none."""
    with database.read() as session:
        return session.scalar(select(func.max(Event.id))) or 0
