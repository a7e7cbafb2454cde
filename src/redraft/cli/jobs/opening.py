"""The queue as a command opens it, and ids as people type them."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from redraft.queue.jobs import Jobs

AS_JSON = typer.Option(False, "--json", help="Print one JSON document and nothing else.")
JOB = typer.Argument(help="A job's id, or its last characters.", metavar="JOB")
JOBS = typer.Argument(help="Ids of jobs, or their last characters.", metavar="JOB...")
ALIVE = 30.0
"""Seconds since its last word for which a worker counts as running."""


@contextmanager
def queue() -> Iterator[Jobs]:
    """The queue of the state folder, or of REDRAFT_DATABASE."""
    from redraft.queue.jobs import Jobs
    from redraft.state.database import Database

    database = Database.open()
    try:
        yield Jobs(database)
    finally:
        database.close()


def find(jobs: Jobs, text: str) -> str:
    """The id that people mean by `text`: all of it, or its end where no other job's id ends so."""
    found = jobs.ending_with(text)
    if len(found) > 1:
        from redraft.core.errors import UsageError

        raise UsageError(
            f"{len(found)} jobs' ids end so", where=text, remedy=f"Give more of it: {', '.join(sorted(found)[:5])}"
        )
    return found[0] if found else jobs.get(text).id


def has_worker(jobs: Jobs) -> bool:
    """Whether any worker has lately said that it lives."""
    now = jobs.now()
    return any(now - row.heartbeat_at < ALIVE for row in jobs.workers())


def print_json(value: Any) -> None:
    typer.echo(json_module.dumps(value, indent=2, ensure_ascii=False))
