"""`redraft jobs pause`, `resume`, `cancel` and `delete`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from redraft.cli.jobs.opening import AS_JSON, JOBS, find, print_json, queue

if TYPE_CHECKING:
    from redraft.queue.jobs import Jobs
    from redraft.state.tables import Job

WAIT = typer.Option(False, "--wait", help="Return only when it has come to that.")
ROUND = 0.1


def register(group: typer.Typer) -> None:
    for command in (pause, resume, cancel, delete):
        group.command()(command)


def pause(ids: list[str] = JOBS, wait: bool = WAIT, json: bool = AS_JSON) -> None:
    """Save at the next step and free the device; resuming goes on exactly there."""
    _ask(ids, lambda jobs, id: jobs.pause(id), json, wait)


def resume(ids: list[str] = JOBS, json: bool = AS_JSON) -> None:
    """Go on from the last checkpoint; a failed or cancelled job is tried again."""
    _ask(ids, lambda jobs, id: jobs.resume(id), json)


def cancel(ids: list[str] = JOBS, wait: bool = WAIT, json: bool = AS_JSON) -> None:
    """End it for good, and keep what it has made so far."""
    _ask(ids, lambda jobs, id: jobs.cancel(id), json, wait)


def delete(
    ids: list[str] = JOBS,
    files: bool = typer.Option(False, "--files", help="Remove what it made too: its dataset, run or model."),
    wait: bool = WAIT,
    json: bool = AS_JSON,
) -> None:
    """Remove a job and its log; one that runs is ended first."""
    _ask(ids, lambda jobs, id: jobs.delete(id, files=files), json, wait, deletes=True)


def _ask(
    ids: list[str], ask: Callable[[Jobs, str], Job], json: bool, wait: bool = False, *, deletes: bool = False
) -> None:
    """Asks it of each; what one refuses does not keep it from the others."""
    from redraft.cli.jobs.data import summary
    from redraft.cli.jobs.screen import show_asked
    from redraft.cli.screen import print_error
    from redraft.core.errors import RedraftError
    from redraft.state.tables import State

    values, code = [], 0
    with queue() as jobs:
        for text in ids:
            try:
                job = ask(jobs, find(jobs, text))
                gone = deletes and job.state != State.RUNNING
                if wait and job.state == State.RUNNING:
                    job, gone = _rested(jobs, job)
            except RedraftError as error:
                print_error(error)
                code = max(code, error.exit_code)
                continue
            values.append(summary(job))
            if not json:
                show_asked(values[-1], gone=gone)
    if json:
        print_json({"jobs": values})
    if code:
        raise typer.Exit(code)


def _rested(jobs: Jobs, job: Job) -> tuple[Job, bool]:
    """The job once it runs no more, as it was last, and whether it is gone."""
    from redraft.core.errors import NotFound
    from redraft.state.tables import State

    while job.state == State.RUNNING:
        time.sleep(ROUND)
        try:
            job = jobs.get(job.id)
        except NotFound:
            return job, True
    return job, False
