"""Rows of jobs, found and locked in an order that cannot deadlock.

Whatever touches more than one job takes the lock of the whole graph of jobs first, then rows; events come last, by
themselves (queue.events). Whoever holds a lease touches its own job's row alone and needs no lock of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redraft.core.errors import LeaseLost, NotFound
from redraft.state.database import Database
from redraft.state.tables import Job, Needs, State

GRAPH = 0x7265_6472_6166_7402
"""The key of PostgreSQL's advisory lock over what jobs need of one another. SQLite has one writer anyway."""


def lock_graph(session: Session) -> None:
    """Until the transaction ends nobody else submits, ends, resumes or removes a job."""
    database: Database = session.info["database"]
    if not database.is_sqlite:
        session.execute(select(func.pg_advisory_xact_lock(GRAPH)))


def locked(session: Session, id: str) -> Job:
    """The job, which nobody else can change until the transaction ends; NotFound."""
    query = select(Job).where(Job.id == id).with_for_update().execution_options(populate_existing=True)
    job = session.scalar(query)
    if job is None:
        raise no_job(id)
    return job


def held(session: Session, id: str, token: int, *, lock: bool = True) -> Job:
    """The job, locked unless `lock` is off, for the holder of its lease by `token`; LeaseLost if that is over."""
    query = select(Job).where(Job.id == id, Job.lease_token == token, Job.state == State.RUNNING)
    if lock:
        query = query.with_for_update()
    job = session.scalar(query.execution_options(populate_existing=True))
    if job is None:
        raise LeaseLost(
            "this work was given to another worker, or its job has ended",
            where=f"{id}, token {token}",
            remedy="Stop it and publish nothing",
        )
    return job


def no_job(id: str) -> NotFound:
    return NotFound("there is no such job", where=id, remedy="`redraft jobs list` names them all")


def needs_of(session: Session, id: str) -> list[Job]:
    """The jobs that it needs, the oldest first."""
    query = select(Job).join(Needs, Needs.needs_id == Job.id).where(Needs.job_id == id).order_by(Job.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def dependants_of(session: Session, ids: Iterable[str]) -> list[Job]:
    """The jobs that need one of these directly, locked, the oldest first."""
    query = (
        select(Job)
        .where(Job.id.in_(select(Needs.job_id).where(Needs.needs_id.in_(list(ids)))))
        .order_by(Job.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))
