"""How an attempt ends in the database, by what its work came to and by whether it was asked to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from redraft.core.errors import Busy, DeviceLost, Interrupted, LeaseLost, Paused, RedraftError, WorkerLost
from redraft.core.verb import Result
from redraft.queue.keeping.lease import FINAL_PATIENCE, Lease
from redraft.queue.keeping.plain import plain

AGAIN = (Busy, DeviceLost)
"""Errors after which the same work may go well later."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the keeper had asked of the work, or done to it.

    to: "pause" or "cancel" at its owner's wish, "leave" because the keeper gives the job back, "" for nothing.
    killed: why the keeper ended it by itself. resumable: whether the work goes on from where it was.
    """

    to: Literal["", "pause", "cancel", "leave"] = ""
    killed: str = ""
    resumable: bool = True


def conclude(lease: Lease, outcome: Result | RedraftError, asked: Asked) -> None:
    """Enters it, however long the database is away: the token says whether it still counts. LeaseLost."""
    try:
        lease.insist(lambda: _enter(lease, outcome, asked), FINAL_PATIENCE)
    except LeaseLost:
        raise
    except RedraftError as error:  # what it made cannot be entered
        fault = plain(error.as_data())
        lease.insist(lambda: lease.jobs.fail(lease.job, lease.token, fault, retry=False), FINAL_PATIENCE)


def _enter(lease: Lease, outcome: Result | RedraftError, asked: Asked) -> None:
    """Each of these heeds what the owner wants by now: a job that is to be cancelled or deleted is."""
    jobs, job, token = lease.jobs, lease.job, lease.token
    if isinstance(outcome, Result):
        jobs.finish(job, token, plain(outcome.value))
    elif isinstance(outcome, LeaseLost):
        raise outcome
    elif isinstance(outcome, Paused):
        jobs.paused(job, token, f"{outcome.what}; free some space and resume the job")
    elif asked.killed:
        jobs.rescue(job, token, asked.killed)
    elif isinstance(outcome, Interrupted | WorkerLost) and asked.to == "cancel":
        jobs.ended(job, token)
    elif isinstance(outcome, Interrupted | WorkerLost) and asked.to == "pause":
        jobs.paused(job, token, _rests(outcome, asked), asked=True)
    elif isinstance(outcome, Interrupted | WorkerLost) and asked.to == "leave":
        jobs.released(job, token, f"given back in order: {_rests(outcome, asked)}")
    elif isinstance(outcome, Interrupted):
        jobs.rescue(job, token, f"stopped from outside: {outcome.what}")
    elif isinstance(outcome, WorkerLost):
        jobs.rescue(job, token, plain(f"{outcome.what}. {outcome.remedy}"))
    else:
        jobs.fail(job, token, plain(outcome.as_data()), retry=isinstance(outcome, AGAIN))


def _rests(outcome: RedraftError, asked: Asked) -> str:
    if not asked.resumable:
        return "stopped; it begins anew when it goes on"
    return outcome.what if isinstance(outcome, Interrupted) else "stopped before it had saved anything new"
