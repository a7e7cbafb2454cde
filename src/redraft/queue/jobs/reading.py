"""What can be read of jobs and workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import or_, select

from redraft.core.errors import UsageError
from redraft.queue.jobs.rows import needs_of, no_job
from redraft.state.database import Database
from redraft.state.tables import Job, State, WorkerRow

Item = TypeVar("Item")
FAR = 300.0
"""Seconds that a lease lasts or a retry waits at most. What is further ahead is older than a clock set back."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """items, and what to give as `after` for those that follow; None at the end."""

    items: list[Item]
    next: str | None


class Reading:
    """The part of `Jobs` that changes nothing."""

    database: Database

    def get(self, id: str) -> Job:
        """The job as it stands now; NotFound."""
        with self.database.read() as session:
            job = session.get(Job, id)
        if job is None:
            raise no_job(id)
        return job

    def page(
        self,
        *,
        state: str | Sequence[str] | None = None,
        kind: str | None = None,
        owner: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[Job]:
        """At most `limit` jobs, the newest first, that come after the one with the id `after`.

        state: one, or several of which any will do. A UsageError names them all where there is no such state.
        """
        states = [state] if isinstance(state, str) else list(state or ())
        for word in states:
            if word not in set(State):
                raise UsageError(
                    f"there is no state '{word}'", where="state", remedy=f"States: {', '.join(State)}"
                )
        if limit < 1:
            raise UsageError("a page has at least one item", where="limit", remedy="Give a limit of 1 or more")
        query = select(Job).order_by(Job.id.desc()).limit(limit + 1)
        if states:
            query = query.where(Job.state.in_(states))
        for column, value in ((Job.kind, kind), (Job.owner, owner)):
            if value is not None:
                query = query.where(column == value)
        if after is not None:
            query = query.where(Job.id < after)
        with self.database.read() as session:
            found = list(session.scalars(query))
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def ending_with(self, text: str) -> list[str]:
        """The ids that end with `text`, of at least four characters: what people type of an id."""
        if len(text) < 4:
            return []
        with self.database.read() as session:
            query = select(Job.id).where(Job.id.endswith(text.lower(), autoescape=True)).order_by(Job.id)
            return list(session.scalars(query))

    def now(self) -> float:
        """Seconds since 1970 by the database's clock, by which all times of jobs are written."""
        with self.database.read() as session:
            return self.database.now(session)

    def needs(self, id: str) -> list[str]:
        """The ids of the jobs that it needs, the oldest first; NotFound."""
        with self.database.read() as session:
            if session.get(Job, id) is None:
                raise no_job(id)
            return [need.id for need in needs_of(session, id)]

    def running(self, host: str | None = None) -> list[Job]:
        """The jobs whose lease somebody holds, on one host or on all."""
        query = select(Job).where(Job.state == State.RUNNING).order_by(Job.id)
        if host is not None:
            query = query.where(Job.host == host)
        with self.database.read() as session:
            return list(session.scalars(query))

    def expired(self, host_not: str) -> list[Job]:
        """The running jobs of other hosts than `host_not` whose lease has run out.

        A lease that ends further ahead than any can was written before the clock was set back: it counts as run
        out, and its holder, if it lives, loses no more than the way since its last checkpoint.
        """
        with self.database.read() as session:
            now = self.database.now(session)
            query = select(Job).where(
                Job.state == State.RUNNING,
                Job.host.is_distinct_from(host_not),
                or_(Job.lease_expires_at <= now, Job.lease_expires_at > now + 2 * FAR),
            )
            return list(session.scalars(query.order_by(Job.id)))

    def workers(self) -> list[WorkerRow]:
        """The workers that have registered, the oldest first; `heartbeat_at` says whether they live."""
        with self.database.read() as session:
            return list(session.scalars(select(WorkerRow).order_by(WorkerRow.started_at, WorkerRow.id)))
