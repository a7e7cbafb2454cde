"""The table of docs/jobs.md: what each wish does in each state."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_work import BOTH, PLAIN

from redraft.core.errors import Conflict, NotFound
from redraft.queue.jobs import Jobs
from redraft.state.database import Database
from redraft.state.tables import State

PAGE = Path(__file__).parents[2] / "docs" / "jobs.md"
WORDS = {"pause": "pausing", "cancel": "cancelling", "delete": "deleting", "run": "running"}


def cells() -> list[tuple[str, str, str]]:
    """(state, wish, outcome) of every cell."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("| in the state |"))
    wishes = [word.strip() for word in lines[start].strip("|").split("|")][1:]
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        state, *outcomes = [word.strip() for word in line.strip("|").split("|")]
        found += [(state, wish, outcome) for wish, outcome in zip(wishes, outcomes, strict=True)]
    return found


def in_state(jobs: Jobs, state: str) -> str:
    """A job that stands there."""
    needs = [jobs.submit("plain", {}).id] if state == "waiting" else []
    id = jobs.submit("plain", {}, needs=needs).id
    if state in ("waiting", "queued"):
        return id
    if state == "paused":
        return jobs.pause(id).id
    if state == "cancelled":
        return jobs.cancel(id).id
    job = jobs.claim("w", BOTH, host="h")
    assert job is not None and job.id == id
    if state == "finished":
        jobs.finish(id, 1, {})
    elif state == "failed":
        jobs.fail(id, 1, {"what": "it broke"}, retry=False)
    else:
        {"running": jobs.get, "pausing": jobs.pause, "cancelling": jobs.cancel, "deleting": jobs.delete}[state](id)
    return id


def shown(jobs: Jobs, id: str) -> str:
    job = jobs.get(id)
    return WORDS[job.desired_state] if job.state == "running" else str(job.state)


def test_the_table_has_every_state_and_every_wish() -> None:
    states = {state for state, _, _ in cells()}
    assert states == {*State, "pausing", "cancelling", "deleting"}
    assert len(cells()) == len(states) * 4


@pytest.mark.parametrize(("state", "wish", "outcome"), cells())
def test_a_cell(sqlite_database: Database, state: str, wish: str, outcome: str) -> None:
    jobs = Jobs(sqlite_database, PLAIN)
    id = in_state(jobs, state)
    assert shown(jobs, id) == state
    if outcome == "refused":
        with pytest.raises(Conflict, match=f"this job is .*{state if state in set(State) else 'being'}"):
            getattr(jobs, wish)(id)
        assert shown(jobs, id) == state
        return
    answer = getattr(jobs, wish)(id)
    assert answer.id == id
    if outcome == "gone":
        with pytest.raises(NotFound):
            jobs.get(id)
    else:
        assert shown(jobs, id) == (state if outcome == "no change" else outcome)
