"""What can be changed of a job while it stands: how urgent it is, and its name."""

from __future__ import annotations

from redraft.queue.jobs.rows import locked
from redraft.state.database import Database
from redraft.state.tables import Job


def change(database: Database, id: str, *, priority: int | None = None, title: str | None = None) -> Job:
    """The job with what was given; None leaves as it is. NotFound.

    The priority decides about the next claim: a job that runs is not stopped for a more urgent one; pause it.
    """
    with database.write() as session:
        job = locked(session, id)
        job.priority = job.priority if priority is None else priority
        job.title = job.title if title is None else title
        job.updated_at = database.now(session)
        return job
