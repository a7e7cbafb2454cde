"""Changes of a job's state, and what follows from them for the jobs that need it.

All take a session whose transaction holds the lock of the graph (`rows`), except `enter` for one job alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from redraft.core.errors import Conflict
from redraft.queue.events import append
from redraft.queue.jobs.rows import dependants_of, needs_of
from redraft.queue.kinds import Kind
from redraft.state.tables import ENDED, Desired, Job, State

NEEDED = "NeededJob"
"""The kind of the error of a job that could not begin because one that it needs did not finish."""
AT_REST = {State.PAUSED: Desired.PAUSE, State.CANCELLED: Desired.CANCEL}
"""What is desired of a job that has come to rest; of all others that it run."""
WITHOUT_RESULT = {State.FAILED: "failed", State.CANCELLED: "was cancelled"}
DELETED = "was deleted"

Kinds = Mapping[str, Kind[Any]]
"""What a job can be, by name (queue.kinds.KINDS)."""


def enter(session: Session, job: Job, state: State, now: float, reason: str = "") -> None:
    """Puts a job that nobody runs (any more) into `state`, and says so to everybody who listens."""
    job.state, job.reason = state, reason
    job.desired_state = AT_REST.get(state, Desired.RUN)
    job.lease_owner = job.lease_expires_at = job.process = job.handle = None
    job.finished_at = now if state in ENDED else None
    job.updated_at = now
    said(session, job)


def rest(session: Session, kinds: Kinds, job: Job, now: float, reason: str) -> None:
    """Puts it to rest until it is resumed; its kind hears of it."""
    enter(session, job, State.PAUSED, now, reason)
    if job.kind in kinds:
        kinds[job.kind].paused(session, job)


def said(session: Session, job: Job) -> None:
    """The event of a job's state as it stands now."""
    data = {"state": str(job.state), "desired_state": str(job.desired_state), "reason": job.reason}
    append(session, job.id, "state", data)


def enqueue(session: Session, job: Job, now: float, reason: str = "", *, delay: float = 0.0) -> None:
    """Lets it run as soon as all that it needs has finished, and `delay` seconds have passed."""
    unmet = [need.id for need in needs_of(session, job.id) if need.state != State.FINISHED]
    job.not_before = now + delay if delay else 0.0
    if unmet:
        enter(session, job, State.WAITING, now, f"waits for {', '.join(unmet)}")
    else:
        enter(session, job, State.QUEUED, now, reason)


def open_dependants(session: Session, job: Job, now: float) -> None:
    """`job` has finished: those that waited for nothing else can be taken."""
    session.flush()
    for dependant in dependants_of(session, [job.id]):
        if dependant.state == State.WAITING:
            enqueue(session, dependant, now)


def end(session: Session, kinds: Kinds, job: Job, state: State, now: float, reason: str) -> None:
    """It failed or was cancelled: its kind hears of it, and all that wait for it fail at once, to the last."""
    end_one(session, kinds, job, state, now, reason)
    fail_dependants(session, kinds, job, WITHOUT_RESULT[state], now)


def fail_dependants(session: Session, kinds: Kinds, job: Job, what: str, now: float) -> None:
    """Those that wait for `job` fail, and those that wait for them. what: "failed", "was cancelled", DELETED."""
    lost = deque([(job, what)])
    while lost:
        first, what = lost.popleft()
        session.flush()
        for dependant in dependants_of(session, [first.id]):
            waits = dependant.state in (State.WAITING, State.PAUSED)
            error = _needed_error(first, what)
            if waits or what == DELETED:
                dependant.error = error
            if waits:
                end_one(session, kinds, dependant, State.FAILED, now, error["what"])
                lost.append((dependant, "failed"))


def reopen_dependants(session: Session, job: Job, now: float) -> None:
    """`job` goes on after all: those that failed only because of it wait again, and so on to the last."""
    opened = deque([job])
    while opened:
        first = opened.popleft()
        session.flush()
        for dependant in dependants_of(session, [first.id]):
            if failed_for_needs(dependant) and obstacle(session, dependant) is None:
                dependant.error = None
                enqueue(session, dependant, now)
                opened.append(dependant)


def failed_for_needs(job: Job) -> bool:
    """Whether it failed before it began, because one that it needs did not finish."""
    return job.state == State.FAILED and job.error is not None and job.error.get("kind") == NEEDED


def obstacle(session: Session, job: Job) -> Conflict | None:
    """Why a job cannot be opened again: what it needs was deleted, or has ended without a result."""
    if job.error and job.error.get("deleted"):
        return Conflict(str(job.error["what"]), where=job.id, remedy="Submit it again")
    for need in needs_of(session, job.id):
        what = WITHOUT_RESULT.get(State(need.state))
        if what:
            return Conflict(f"it needs {need.id}, which {what}", where=job.id, remedy=f"Resume {need.id}")
    return None


def _needed_error(first: Job, what: str) -> dict[str, Any]:
    return {
        "kind": NEEDED,
        "what": f"it needs {first.id}, which {what}",
        "where": first.id,
        "remedy": "Submit it again" if what == DELETED else f"Resume {first.id}",
        "exit_code": 1,
        "deleted": what == DELETED,
    }


def end_one(session: Session, kinds: Kinds, job: Job, state: State, now: float, reason: str) -> None:
    """It failed or was cancelled, and its kind hears of it; who waits for it is told by others."""
    enter(session, job, state, now, reason)
    if job.kind in kinds:  # a row of another version's kind can still be ended
        kinds[job.kind].failed(session, job)
