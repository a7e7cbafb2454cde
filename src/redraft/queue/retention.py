"""How long events are kept: a training of days says hundreds of thousands of things, which nobody reads for ever.

What a job did (its states, attempts, sentences, checkpoints) stays until the job is deleted. The detail of its
work goes some time after it has ended: a run's own metrics.jsonl has every figure, and keeps it.
"""

from __future__ import annotations

from sqlalchemy import delete, select

from redraft.core.environment import number
from redraft.state.database import Database
from redraft.state.tables import Event, Job

VARIABLE = "REDRAFT_EVENT_DAYS"
DAYS = 30.0
"""Days after a job's end for which the detail of its work is kept, unless REDRAFT_EVENT_DAYS says otherwise."""
DETAIL = ("progress", "metric")
AT_ONCE = 2000
"""Events that go in one transaction: a writer of SQLite keeps all others waiting."""


def kept_days() -> float:
    """UsageError where REDRAFT_EVENT_DAYS is no number of days."""
    return number(VARIABLE, DAYS, least=0.01, most=36500, unit="days")


def forget_detail(database: Database, days: float) -> bool:
    """Removes old detail, the oldest first; whether there is none left."""
    with database.read() as session:  # looking takes long where there is much, and keeps no writer waiting
        old = (
            select(Event.id)
            .join(Job, Job.id == Event.job_id)
            .where(Event.kind.in_(DETAIL), Job.finished_at < database.now(session) - days * 86400)
            .order_by(Event.id)
            .limit(AT_ONCE)
        )
        ids = list(session.scalars(old))
    if ids:
        with database.write() as session:
            session.execute(delete(Event).where(Event.id.in_(ids)))
    return len(ids) < AT_ONCE
