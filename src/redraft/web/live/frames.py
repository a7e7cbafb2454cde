"""Events as a stream carries them: rows of the event table, read once and written down once for all who listen.

The wire format is that of server-sent events (WHATWG HTML, section 9.2): `id`, `event` (the kind) and one line of
`data`, which is JSON: {"id", "job", "kind", "at", "data"}; at in seconds since 1970 by the database's clock.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fastapi.sse import format_sse_event
from pydantic_core import from_json
from sqlalchemy import ColumnElement, Text, cast, exists, func, select

from redraft.state.database import Database
from redraft.state.tables import ENDED, Event, Job

KINDS = ("state", "progress", "log", "metric", "left_out", "checkpoint", "attempt", "deleted")
"""Kinds of events (queue.events)."""
PAGE = 500
"""Events read at once."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event. owner: whose job it belongs to; None where the job is gone."""

    id: int
    job: str | None
    kind: str
    owner: str | None
    ends: bool
    """Whether after it the job may have ended: a change of its state, or its removal."""
    wire: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody listens to. kinds: empty for all. job: None for those of every job of the owner."""

    owner: str
    job: str | None = None
    kinds: frozenset[str] = frozenset()

    def takes(self, frame: Frame) -> bool:
        """Whether the frame is for it, its job aside. The removal of a job is told to all who see every job."""
        mine = self.job is not None or frame.owner == self.owner or frame.kind == "deleted"
        return mine and (not self.kinds or frame.kind in self.kinds)


def frame_of(id: int, job: str | None, kind: str, at: float, data: str, owner: str | None) -> Frame:
    """data: JSON, as the database keeps it; it goes out as it is."""
    ends = kind == "deleted" or (kind == "state" and from_json(data).get("state") in ENDED)
    named = f'"{job}"' if job is not None else "null"
    text = f'{{"id":{id},"job":{named},"kind":"{kind}","at":{at!r},"data":{data}}}'
    return Frame(id, job, kind, owner, ends, format_sse_event(data_str=text, event=kind, id=str(id)))


def read(database: Database, after: int, wanted: Wanted | None = None, limit: int = PAGE) -> list[Frame]:
    """The next events with a larger id than `after`, the oldest first; wanted: those alone, else all."""
    query = (
        select(Event.id, Event.job_id, Event.kind, Event.at, cast(Event.data, Text), Job.owner)
        .outerjoin(Job, Job.id == Event.job_id)
        .where(Event.id > after)
        .order_by(Event.id)
        .limit(limit)
    )
    if wanted is not None:
        query = query.where(*_conditions(wanted))
    with database.read() as session:
        rows = session.execute(query).all()
    return [frame_of(id, job, kind, at, data, owner) for id, job, kind, at, data, owner in rows]


def last_id(database: Database) -> int:
    """The id of the newest event; 0 where there is none."""
    with database.read() as session:
        return session.scalar(select(func.max(Event.id))) or 0


def is_over(database: Database, wanted: Wanted, after: int) -> str | None:
    """The state of the job that is listened to, where it has ended (or "deleted") and no wanted event is left."""
    if wanted.job is None:
        return None
    left = exists().where(Event.id > after, *_conditions(wanted))
    with database.read() as session:
        state = session.scalar(select(Job.state).where(Job.id == wanted.job))
        if state is not None and state not in ENDED:
            return None
        return None if session.scalar(select(left)) else str(state or "deleted")


def _conditions(wanted: Wanted) -> Collection[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.job is not None:
        found.append(Event.job_id == wanted.job)
    else:
        found.append((Job.owner == wanted.owner) | (Event.kind == "deleted"))
    if wanted.kinds:
        found.append(Event.kind.in_(sorted(wanted.kinds)))
    return found
