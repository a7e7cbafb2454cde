"""Rows of jobs as the API reads them: the columns that are shown, by an index, in one transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.orm import Session

from redraft.queue.jobs.rows import no_job
from redraft.state.database import Database
from redraft.state.tables import Event, Job, Needs
from redraft.web.jobs.models import JobDetail, JobItem, detail

NAMES = tuple(JobItem.model_fields)
ITEMS = select(*(getattr(Job, name) for name in NAMES)).order_by(Job.id.desc())
IDS = select(Job.id).order_by(Job.id.desc())
"""Made once: what a list asks of the database is put together a hundred times a second."""


@dataclass(frozen=True)
class Filter:
    """Which jobs of an owner are listed; empty: of every state, of every kind."""

    owner: str
    states: Collection[str] = ()
    kinds: Collection[str] = ()


def page(
    database: Database, wanted: Filter, after: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Fields of JobItems, the newest first, and what to give as `after` for those that follow."""
    states = sorted(wanted.states)
    if len(states) > 1:
        # Each state's newest by the index of states: jobs of a rare state are not searched among all.
        parts = [_listed(IDS, wanted, after, limit, state).subquery() for state in states]
        query = ITEMS.where(Job.id.in_(union_all(*(select(part) for part in parts)))).limit(limit + 1)
    else:
        query = _listed(ITEMS, wanted, after, limit, states[0] if states else None)
    with database.read() as session:
        rows = [dict(zip(NAMES, row, strict=True)) for row in session.execute(query)]
    return rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None


def _listed(query: Select[Any], wanted: Filter, after: str | None, limit: int, state: str | None) -> Select[Any]:
    """The query for the jobs that are wanted, in one state or in all; one more than limit."""
    query = query.where(Job.owner == wanted.owner).limit(limit + 1)
    if state is not None:
        query = query.where(Job.state == state)
    if wanted.kinds:
        query = query.where(Job.kind.in_(sorted(wanted.kinds)))
    return query if after is None else query.where(Job.id < after)


def counts(database: Database, owner: str) -> dict[str, int]:
    """How many jobs there are in each state."""
    query = select(Job.state, func.count()).where(Job.owner == owner).group_by(Job.state)
    with database.read() as session:
        return {str(state): int(count) for state, count in session.execute(query)}


def owned(session: Session, id: str, owner: str) -> Job:
    """The job; NotFound where there is none or it is somebody else's."""
    job = session.get(Job, id)
    if job is None or job.owner != owner:
        raise no_job(id)
    return job


def one(database: Database, id: str, owner: str) -> JobDetail:
    with database.read() as session:
        job = owned(session, id, owner)
        needs = list(session.scalars(select(Needs.needs_id).where(Needs.job_id == id).order_by(Needs.needs_id)))
    return detail(job, needs)


def state_of(database: Database, id: str, owner: str) -> str:
    """The state of this owner's job; NotFound."""
    with database.read() as session:
        found = session.execute(select(Job.owner, Job.state).where(Job.id == id)).one_or_none()
    if found is None or found.owner != owner:
        raise no_job(id)
    return str(found.state)


def log_lines(database: Database, id: str, after: int, limit: int, tail: bool) -> tuple[list[Any], bool]:
    """What a job said after the event `after`, the oldest first, and whether more follows; tail: its end."""
    query = select(Event.id, Event.at, Event.data).where(Event.job_id == id, Event.kind == "log", Event.id > after)
    query = query.order_by(Event.id.desc() if tail else Event.id).limit(limit + 1)
    with database.read() as session:
        rows = list(session.execute(query))
    lines = [{"id": id, "at": at, **data} for id, at, data in rows[:limit]]
    return (lines[::-1], False) if tail else (lines, len(rows) > limit)
