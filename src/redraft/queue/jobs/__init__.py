"""Durable jobs: a small table of leases with fencing tokens.

A job belongs to whoever claimed it last, and to nobody else: every claim raises the job's token by one, and every
write of a holder is refused unless it carries the token that the job has now. So work that was given up and wakes
again writes nothing, and a job is never run by two. See docs/jobs.md.
"""

from __future__ import annotations

from redraft.queue.jobs.changes import Kinds
from redraft.queue.jobs.endings import BACKOFF, MAX_STALLED, Endings
from redraft.queue.jobs.leases import Leases
from redraft.queue.jobs.reading import Page, Reading
from redraft.queue.jobs.submitting import Submitting
from redraft.queue.jobs.wishes import Wishes
from redraft.queue.kinds import KINDS
from redraft.state.database import Database

__all__ = ["BACKOFF", "MAX_STALLED", "Jobs", "Page"]


class Jobs(Submitting, Wishes, Leases, Endings, Reading):
    """All that can be done with jobs. Every method is one transaction; times are the database's clock's."""

    def __init__(self, database: Database, kinds: Kinds | None = None) -> None:
        """kinds: what can be submitted (queue.kinds.KINDS unless given)."""
        self.database = database
        self.kinds = KINDS if kinds is None else kinds
