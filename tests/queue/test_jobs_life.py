"""A job from its submission to its end, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plain_work import BOTH, PLAIN, MovedDatabase
from sqlalchemy import select

from redraft.core.errors import Conflict, LeaseLost, NotFound, UsageError
from redraft.queue.events import after
from redraft.queue.jobs import Jobs
from redraft.queue.jobs.endings import BACKOFF, MAX_STALLED
from redraft.queue.jobs.removal import sweep
from redraft.queue.kinds import KINDS
from redraft.state.database import Database
from redraft.state.places import JOBS, place
from redraft.state.tables import Checkpoint, Dataset, Desired, Job, Run, State

BOOM = {"kind": "InputError", "what": "the file is empty", "where": "a.json", "remedy": "", "exit_code": 1}


@pytest.fixture
def clock(database: Database) -> MovedDatabase:
    return MovedDatabase(database.engine)


@pytest.fixture
def jobs(clock: MovedDatabase) -> Jobs:
    return Jobs(clock, PLAIN)


def claimed(jobs: Jobs, worker: str = "w1") -> Job:
    job = jobs.claim(worker, BOTH, host="here")
    assert job is not None
    return job


def dataset_of(jobs: Jobs, job: Job) -> Dataset | None:
    with jobs.database.read() as session:
        return session.get(Dataset, job.output["dataset"])


def test_a_job_is_claimed_once_runs_and_finishes(jobs: Jobs) -> None:
    job = jobs.submit("plain", {"note": "first"}, title="The first")
    assert (job.state, job.desired_state, job.resource, job.title) == ("queued", "run", "light", "The first")
    taken = claimed(jobs)
    assert (taken.id, taken.lease_token, taken.attempt, taken.lease_owner, taken.host) == (
        job.id,
        1,
        1,
        "w1",
        "here",
    )
    assert jobs.claim("w2", BOTH, host="there") is None
    progress = {"stage": "drawing", "done": 3, "total": 9}
    assert jobs.heartbeat(job.id, 1, progress=progress, process={"keeper": {"pid": 7}}) is Desired.RUN
    assert jobs.get(job.id).progress == progress
    jobs.finish(job.id, 1, {"examples": 9})
    done = jobs.get(job.id)
    assert (done.state, done.result, done.lease_owner, done.process) == ("finished", {"examples": 9}, None, None)
    assert done.finished_at is not None and done.finished_at >= done.created_at
    made = dataset_of(jobs, job)
    assert made is not None and made.status == "ready"


def test_a_worker_gets_only_what_it_has_room_for_the_most_urgent_first_then_the_oldest(jobs: Jobs) -> None:
    slow = jobs.submit("stepwise", {}, priority=9)
    first, second = jobs.submit("plain", {}), jobs.submit("plain", {})
    urgent = jobs.submit("plain", {}, priority=1)
    far = jobs.submit("plain", {}, priority=5, executor="ray")
    order = [jobs.claim("w", ["light"], host="h") for _ in range(4)]
    assert [job.id if job else None for job in order] == [urgent.id, first.id, second.id, None]
    assert claimed(jobs).id == slow.id
    taken = jobs.claim("w", ["light"], host="h", executors=["local", "ray"])
    assert taken is not None and taken.id == far.id


def test_unknown_kinds_and_payloads_are_refused_with_what_is_known(jobs: Jobs) -> None:
    with pytest.raises(UsageError, match=r"no kind of job 'dance'.*plain, stepwise"):
        jobs.submit("dance", {})
    with pytest.raises(UsageError, match=r"takes no 'nota'.*Did you mean 'note'"):
        jobs.submit("plain", {"nota": "x"})
    with pytest.raises(UsageError, match="this machine's own command line"):
        jobs.submit("plain", {"path": "/etc"})
    assert jobs.submit("plain", {"path": "/etc"}, local=True).payload["path"] == "/etc"
    with pytest.raises(NotFound, match="job-none"):
        jobs.submit("plain", {}, needs=["job-none"])
    assert len(jobs.page().items) == 1
    with jobs.database.read() as session:
        assert len(list(session.scalars(select(Dataset)))) == 1, "a refused job has left a row"
    assert Jobs(jobs.database).kinds is KINDS


def test_an_idempotency_key_gives_the_same_job_again_and_refuses_another_request(jobs: Jobs) -> None:
    job = jobs.submit("plain", {"note": "a"}, key="k1", owner="ann")
    assert jobs.submit("plain", {"note": "a", "uses": None}, key="k1", owner="ann").id == job.id
    assert jobs.submit("plain", {"note": "a"}, key="k1", owner="bob").id != job.id
    with pytest.raises(Conflict, match=r"k1.*another request"):
        jobs.submit("plain", {"note": "b"}, key="k1", owner="ann")
    with pytest.raises(Conflict, match="another request"):
        jobs.submit("stepwise", {"note": "a"}, key="k1", owner="ann")
    jobs.finish(claimed(jobs).id, 1, {})
    assert jobs.submit("plain", {"note": "a"}, key="k1", owner="ann").state == "finished"


def test_pages_are_the_newest_first_without_a_gap_and_filtered(jobs: Jobs) -> None:
    made = [
        jobs.submit("plain" if n % 2 else "stepwise", {}, owner="ann" if n < 5 else "bob").id for n in range(7)
    ]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = jobs.page(after=cursor, limit=3)
        seen += [job.id for job in page.items]
        if page.next is None:
            break
        cursor = page.next
    assert seen == made[::-1]
    assert [job.id for job in jobs.page(kind="plain", owner="ann").items] == [made[3], made[1]]
    claimed(jobs)
    assert len(jobs.page(state="running").items) == 1
    with pytest.raises(UsageError, match=r"no state 'ready'.*waiting, queued"):
        jobs.page(state="ready")
    with pytest.raises(UsageError, match="limit"):
        jobs.page(limit=0)


def test_a_pause_ends_the_attempt_and_a_resume_goes_on(jobs: Jobs) -> None:
    job = jobs.submit("stepwise", {})
    claimed(jobs)
    assert jobs.pause(job.id).desired_state == "pause" == jobs.desired(job.id, 1) == jobs.heartbeat(job.id, 1)
    assert jobs.claim("w2", BOTH, host="there") is None
    jobs.paused(job.id, 1, "paused at step 40", asked=True)
    rests = jobs.get(job.id)
    assert (rests.state, rests.desired_state, rests.reason) == ("paused", "pause", "paused at step 40")
    assert jobs.claim("w2", BOTH, host="there") is None
    assert jobs.resume(job.id).state == "queued"
    assert claimed(jobs).lease_token == 2
    with pytest.raises(LeaseLost):
        jobs.paused(job.id, 1, "again", asked=True)


def test_a_pause_that_is_taken_back_in_time_costs_no_more_than_the_way_through_the_queue(jobs: Jobs) -> None:
    job = jobs.submit("stepwise", {})
    claimed(jobs)
    jobs.pause(job.id)
    assert jobs.resume(job.id).desired_state == "run"
    jobs.paused(job.id, 1, "", asked=True)
    assert jobs.get(job.id).state == "queued"
    claimed(jobs)
    jobs.paused(job.id, 2, "the disk is full")
    full = jobs.get(job.id)
    assert (full.state, full.reason) == ("paused", "the disk is full")


def test_a_worker_that_stops_in_order_gives_its_job_back_and_no_attempt_counts(jobs: Jobs) -> None:
    job = jobs.submit("plain", {})
    for token in range(1, MAX_STALLED + 3):
        claimed(jobs)
        jobs.released(job.id, token, "the worker was stopped")
        assert (jobs.get(job.id).state, jobs.get(job.id).stalled) == ("queued", 0)


def test_errors_are_tried_again_later_and_later_and_then_told(jobs: Jobs, clock: MovedDatabase) -> None:
    job = jobs.submit("plain", {})
    for attempt in range(1, MAX_STALLED):
        claimed(jobs)
        jobs.fail(job.id, attempt, BOOM, retry=True)
        again = jobs.get(job.id)
        assert (again.state, again.error) == ("queued", BOOM)
        assert again.reason == f"tried again after attempt {attempt}: the file is empty"
        assert jobs.claim("w", BOTH, host="h") is None, "it was tried again at once"
        clock.offset += BACKOFF[attempt] + 0.1
    claimed(jobs)
    jobs.fail(job.id, MAX_STALLED, BOOM, retry=True)
    failed = jobs.get(job.id)
    assert (failed.state, failed.error) == ("failed", BOOM)
    assert failed.reason == "3 attempts came no further, the last one: the file is empty"
    made = dataset_of(jobs, job)
    assert made is not None and made.status == "failed"
    assert jobs.resume(job.id).stalled == 0
    assert claimed(jobs).attempt == MAX_STALLED + 1


def test_an_error_that_will_come_again_fails_at_once_and_rows_go_with_it(jobs: Jobs) -> None:
    job = jobs.submit("plain", {})
    claimed(jobs)
    jobs.fail(job.id, 1, BOOM, retry=False, rows=lambda session, job: setattr(job, "title", "broken"))
    assert (jobs.get(job.id).state, jobs.get(job.id).title) == ("failed", "broken")


def test_a_checkpoint_is_progress_and_only_the_holder_may_publish_one(jobs: Jobs) -> None:
    job = jobs.submit("stepwise", {})
    run = job.output["run"]
    for token, step in ((1, 10), (2, 20), (3, 30), (4, 40)):
        claimed(jobs)
        jobs.published(job.id, token, run_id=run, step=step, path=f"checkpoints/step-{step}", bytes=5)
        jobs.rescue(job.id, token, "its keeper was killed")
        assert jobs.get(job.id).state == "queued", "attempts that came further were counted as stalled"
        with pytest.raises(LeaseLost):
            jobs.published(job.id, token, run_id=run, step=step + 1, path="x")
    with jobs.database.read() as session:
        rows = list(session.scalars(select(Checkpoint).order_by(Checkpoint.step)))
        assert [(row.step, row.token, row.latest) for row in rows] == [
            (10, 1, False), (20, 2, False), (30, 3, False), (40, 4, True)]  # fmt: skip
        assert session.get(Run, run).steps == 40  # type: ignore[union-attr]
        assert jobs.get(job.id).checkpoint_id == rows[-1].id
    claimed(jobs)
    jobs.pruned(job.id, 5, run_id=run, kept=[30, 40])
    with pytest.raises(NotFound, match="no such run"):
        jobs.published(job.id, 5, run_id="run-none", step=1, path="x")
    with jobs.database.read() as session:
        assert [row.step for row in session.scalars(select(Checkpoint).where(Checkpoint.removed))] == [10, 20]


def test_publishing_an_old_step_again_is_no_progress(jobs: Jobs, clock: MovedDatabase) -> None:
    job = jobs.submit("stepwise", {})
    run = job.output["run"]
    claimed(jobs)
    jobs.published(job.id, 1, run_id=run, step=10, path="a")
    jobs.rescue(job.id, 1, "killed")
    for token in range(2, 2 + MAX_STALLED):
        clock.offset += 60
        claimed(jobs)
        jobs.published(job.id, token, run_id=run, step=10, path="b")
        jobs.rescue(job.id, token, "killed")
    failed = jobs.get(job.id)
    assert (failed.state, failed.reason) == ("failed", "3 attempts came no further, the last one: killed")
    assert failed.error is not None and failed.error["what"] == "killed"


def test_a_result_goes_with_its_rows_or_not_at_all(jobs: Jobs) -> None:
    job = jobs.submit("plain", {})
    claimed(jobs)

    def broken(session: object, job: Job) -> None:
        raise Conflict("the dataset was removed")

    with pytest.raises(Conflict, match="was removed"):
        jobs.finish(job.id, 1, {"a": 1}, rows=broken)
    assert (jobs.get(job.id).state, jobs.get(job.id).result) == ("running", None)
    with pytest.raises(LeaseLost):
        jobs.finish(job.id, 2, {"a": 1})
    jobs.finish(job.id, 1, {"a": 1}, rows=lambda session, job: setattr(job, "title", "named by its rows"))
    assert jobs.get(job.id).title == "named by its rows"


def test_whatever_a_holder_writes_without_the_lease_is_refused_and_leaves_nothing(jobs: Jobs) -> None:
    job = jobs.submit("stepwise", {})
    claimed(jobs)
    jobs.rescue(job.id, 1, "its host is silent")
    claimed(jobs, "w2")
    before = [event.id for event in after(jobs.database, 0)]
    stale = [
        lambda: jobs.heartbeat(job.id, 1),
        lambda: jobs.desired(job.id, 1),
        lambda: jobs.record(job.id, 1, [("log", {"message": "I live", "level": "info"})]),
        lambda: jobs.published(job.id, 1, run_id=job.output["run"], step=9, path="x"),
        lambda: jobs.pruned(job.id, 1, run_id=job.output["run"], kept=[]),
        lambda: jobs.finish(job.id, 1, {}),
        lambda: jobs.fail(job.id, 1, BOOM, retry=True),
        lambda: jobs.paused(job.id, 1, ""),
        lambda: jobs.released(job.id, 1, ""),
        lambda: jobs.ended(job.id, 1),
        lambda: jobs.rescue(job.id, 1, "again"),
    ]
    for write in stale:
        with pytest.raises(LeaseLost, match="given to another worker"):
            write()
    assert [event.id for event in after(jobs.database, 0)] == before
    assert (jobs.get(job.id).lease_owner, jobs.get(job.id).lease_token) == ("w2", 2)


def test_cancelling_keeps_what_was_made_and_ends_for_good(jobs: Jobs) -> None:
    waits, runs = jobs.submit("plain", {}), jobs.submit("plain", {}, priority=1)
    assert jobs.cancel(waits.id).state == "cancelled" == jobs.cancel(waits.id).state
    claimed(jobs)
    assert jobs.cancel(runs.id).state == "running"
    for refused in (jobs.pause, jobs.resume):
        with pytest.raises(Conflict, match="being cancelled"):
            refused(runs.id)
    assert jobs.heartbeat(runs.id, 1) is Desired.CANCEL
    jobs.ended(runs.id, 1)
    gone = jobs.get(runs.id)
    assert (gone.state, gone.reason, gone.lease_owner) == ("cancelled", "cancelled while it ran", None)
    with pytest.raises(Conflict, match="is cancelled and cannot be paused"):
        jobs.pause(runs.id)
    assert jobs.resume(runs.id).state == "queued"


def test_only_what_was_asked_to_end_is_ended(jobs: Jobs) -> None:
    job = jobs.submit("plain", {})
    claimed(jobs)
    with pytest.raises(Conflict, match="nobody asked"):
        jobs.ended(job.id, 1)
    jobs.finish(job.id, 1, {})
    for refused in (jobs.pause, jobs.resume, jobs.cancel):
        with pytest.raises(Conflict, match="this job is finished and cannot be"):
            refused(job.id)
    for asked in (jobs.pause, jobs.resume, jobs.cancel, jobs.delete, jobs.get, jobs.needs):
        with pytest.raises(NotFound, match="no such job"):
            asked("job-none")


@pytest.mark.parametrize("how", ["fail", "rescue", "paused", "released", "ended"])
def test_however_a_cancelled_job_ends_it_is_cancelled(jobs: Jobs, how: str) -> None:
    job = jobs.submit("plain", {})
    claimed(jobs)
    jobs.cancel(job.id)
    {
        "fail": lambda: jobs.fail(job.id, 1, BOOM, retry=True),
        "rescue": lambda: jobs.rescue(job.id, 1, "killed"),
        "paused": lambda: jobs.paused(job.id, 1, "the disk is full"),
        "released": lambda: jobs.released(job.id, 1, "the worker was stopped"),
        "ended": lambda: jobs.ended(job.id, 1),
    }[how]()
    assert jobs.get(job.id).state == "cancelled"


@pytest.mark.parametrize("files", [False, True])
def test_deleting_a_job_removes_its_row_and_log_and_what_it_made_where_asked(jobs: Jobs, files: bool) -> None:
    job = jobs.submit("plain", {})
    claimed(jobs)
    made = PLAIN["plain"].folder(job)  # type: ignore[attr-defined]
    for folder in (made, place(JOBS, job.id)):
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    jobs.finish(job.id, 1, {})
    assert jobs.delete(job.id, files=files).id == job.id
    with pytest.raises(NotFound):
        jobs.get(job.id)
    assert not place(JOBS, job.id).exists()
    assert made.exists() != files
    assert (dataset_of(jobs, job) is None) == files
    events = after(jobs.database, 0, job=job.id)
    assert [event.kind for event in events] == ["deleted"]
    assert events[0].data["files"] == files


def test_a_running_job_is_ended_before_it_is_deleted(jobs: Jobs) -> None:
    job = jobs.submit("plain", {})
    claimed(jobs)
    assert jobs.delete(job.id, files=True).state == "running"
    assert jobs.heartbeat(job.id, 1) is Desired.DELETE
    with pytest.raises(Conflict, match="being deleted"):
        jobs.cancel(job.id)
    made = PLAIN["plain"].folder(job)  # type: ignore[attr-defined]
    made.mkdir(parents=True)
    assert jobs.delete(job.id).delete_files, "a second wish took back the first one's"
    jobs.ended(job.id, 1)
    assert not made.exists()
    assert dataset_of(jobs, job) is None
    assert jobs.page().items == []


def test_what_a_crash_left_of_deleted_files_goes_at_the_next_sweep(jobs: Jobs, state_home: Path) -> None:
    job = jobs.submit("plain", {})
    made = PLAIN["plain"].folder(job)  # type: ignore[attr-defined]
    jobs.delete(job.id, files=True)
    made.mkdir(parents=True)  # as if the process had been killed between the commit and the removal
    kept = state_home / "datasets" / "data-other"
    kept.mkdir(parents=True)
    assert sweep(jobs.database) == [made]
    assert sweep(jobs.database) == []
    assert not made.exists() and kept.exists()


def test_leases_of_other_hosts_run_out_by_the_clock_of_the_database(jobs: Jobs, clock: MovedDatabase) -> None:
    job = jobs.submit("plain", {})
    claimed(jobs)
    assert jobs.expired(host_not="there") == []
    clock.offset += 29
    jobs.heartbeat(job.id, 1)
    clock.offset += 29
    assert jobs.expired(host_not="there") == []
    clock.offset += 2
    assert [found.id for found in jobs.expired(host_not="there")] == [job.id]
    assert jobs.expired(host_not="here") == [], "a host sees to its own by their processes"
    assert jobs.heartbeat(job.id, 1) is Desired.RUN, "a late holder that nobody replaced goes on"
    clock.offset -= 7200
    assert [found.id for found in jobs.expired(host_not="there")] == [job.id], (
        "a clock set back hides a dead holder"
    )
    jobs.heartbeat(job.id, 1)
    assert jobs.expired(host_not="there") == []
    with pytest.raises(ValueError, match="300"):
        jobs.heartbeat(job.id, 1, seconds=301)


def test_a_clock_set_back_does_not_hold_up_a_retry(jobs: Jobs, clock: MovedDatabase) -> None:
    job = jobs.submit("plain", {})
    claimed(jobs)
    jobs.fail(job.id, 1, BOOM, retry=True)
    clock.offset -= 3600
    assert claimed(jobs).id == job.id


def test_running_jobs_and_workers_are_known_by_their_host(jobs: Jobs, clock: MovedDatabase) -> None:
    here, there = jobs.submit("plain", {}), jobs.submit("plain", {})
    claimed(jobs)
    jobs.claim("w2", BOTH, host="there")
    assert [job.id for job in jobs.running("here")] == [here.id]
    assert [job.id for job in jobs.running()] == [here.id, there.id]
    jobs.set_worker("w1", "here", {"pid": 1}, {"device": 1, "light": 2})
    jobs.set_worker("w2", "there", {"pid": 2}, {"device": 0})
    first = jobs.workers()[0]
    clock.offset += 5
    jobs.set_worker("w1", "here", {"pid": 1}, {"device": 1, "light": 2})
    again = jobs.workers()[0]
    assert (again.id, again.started_at) == ("w1", first.started_at)
    assert again.heartbeat_at >= first.heartbeat_at + 5
    jobs.drop_worker("w1")
    jobs.drop_worker("w1")
    assert [row.id for row in jobs.workers()] == ["w2"]


def test_the_state_of_a_job_is_told_at_every_change(jobs: Jobs) -> None:
    job = jobs.submit("plain", {})
    claimed(jobs)
    jobs.record(job.id, 1, [("log", {"message": "m", "level": "info"}), ("progress", {"stage": "s", "done": 1})])
    jobs.record(job.id, 1, [])
    jobs.pause(job.id)
    jobs.pause(job.id)
    jobs.paused(job.id, 1, "", asked=True)
    jobs.resume(job.id)
    told = [
        (event.kind, event.data.get("state"), event.data.get("desired_state")) for event in after(jobs.database, 0)
    ]
    assert told == [
        ("state", "queued", "run"),
        ("attempt", None, None),
        ("state", "running", "run"),
        ("log", None, None),
        ("progress", None, None),
        ("state", "running", "pause"),
        ("state", "paused", "pause"),
        ("state", "queued", "run"),
    ]
    assert jobs.get(job.id).progress == {"stage": "s", "done": 1}


def test_states_are_the_words_of_the_tables(jobs: Jobs) -> None:
    assert jobs.submit("plain", {}).state is State.QUEUED
    assert jobs.page().items[0].state == "queued"


def test_texts_and_numbers_that_a_database_or_a_terminal_would_choke_on(jobs: Jobs) -> None:
    job = jobs.submit("plain", {}, title="a \x1b[31m red\ntitle\ud800 \u200d 名前")
    assert jobs.get(job.id).title == "a  [31m red title? \u200d 名前"
    claimed(jobs)
    values = {"loss": float("nan"), "norm": float("-inf"), "text": "\x00\ud800\u2028", "list": (1, [float("inf")])}
    jobs.record(job.id, 1, [("metric", values)])
    (event,) = after(jobs.database, 0, kinds=["metric"])
    assert event.data == {"loss": None, "norm": None, "text": "\x00?\u2028", "list": [1, [None]]}
    jobs.heartbeat(job.id, 1, progress={"note": "\udfff", "done": float("nan")})
    assert jobs.get(job.id).progress == {"note": "?", "done": None}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"title": "t" * 201}, "title: it has more than 200 characters"),
        ({"key": "k" * 256}, "key: it has more than 255"),
        ({"owner": "o" * 81}, "owner"),
        ({"executor": "e" * 21}, "executor"),
        ({"priority": 1001}, "priority: 1001 is too far out. Give -1000 to 1000"),
        ({"priority": -(2**40)}, "too far out"),
    ],
)
def test_what_does_not_fit_is_refused_alike_on_both_databases(
    jobs: Jobs, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        jobs.submit("plain", {}, **asked)
    assert jobs.page().items == []
