"""Events that are kept, and those that go."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_work import BOTH, PLAIN, MovedDatabase

from redraft.core.errors import UsageError
from redraft.queue import retention
from redraft.queue.events import after
from redraft.queue.jobs import Jobs
from redraft.queue.retention import forget_detail, kept_days
from redraft.state.database import Database

DAY = 86400.0


def worked(jobs: Jobs, figures: int, *, ends: bool = True) -> str:
    id = jobs.submit("plain", {}).id
    job = jobs.claim("w", BOTH, host="h")
    assert job is not None
    said = [("metric", {"kind": "step", "step": step}) for step in range(figures)]
    jobs.record(id, job.lease_token, [*said, ("log", {"message": "well", "level": "info"})])
    if ends:
        jobs.finish(id, job.lease_token, {})
    return id


def kinds(database: Database, job: str) -> dict[str, int]:
    found = [event.kind for event in after(database, 0, job=job, limit=100_000)]
    return {kind: found.count(kind) for kind in found}


def test_the_detail_of_what_ended_long_ago_goes_and_nothing_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 40)
    clock = MovedDatabase(database.engine)
    jobs = Jobs(clock, PLAIN)
    old = worked(jobs, 100)
    before = kinds(database, old)
    assert before["metric"] == 100
    clock.offset = 20 * DAY
    young = worked(jobs, 5)
    runs = worked(jobs, 7, ends=False)
    assert forget_detail(clock, 30.0) and kinds(database, old) == before, "not yet"
    clock.offset = 31 * DAY
    assert [forget_detail(clock, 30.0) for _ in range(3)] == [False, False, True]
    assert kinds(database, old) == {kind: count for kind, count in before.items() if kind != "metric"}
    assert kinds(database, young)["metric"] == 5 and kinds(database, runs)["metric"] == 7
    clock.offset = 400 * DAY
    assert forget_detail(clock, 30.0)
    assert "metric" not in kinds(database, young) and kinds(database, runs)["metric"] == 7


@pytest.mark.parametrize("said", ["soon", "0", "-3", "nan"])
def test_a_wrong_number_of_days_is_said(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(retention.VARIABLE, said)
    with pytest.raises(UsageError, match="is no number of days"):
        kept_days()


def test_workers_do_it(sqlite_database: Database, state_home: Path) -> None:
    from redraft.queue.working import Worker

    clock = MovedDatabase(sqlite_database.engine)
    jobs = Jobs(clock, PLAIN)
    id = worked(jobs, 3)
    clock.offset = 31 * DAY
    Worker(jobs, {"light": 1}, {}, print).round()
    assert "metric" not in kinds(sqlite_database, id)
