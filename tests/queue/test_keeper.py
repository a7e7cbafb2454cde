"""Keepers: real processes that start real work, on both kinds of database."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stepping_work import HERE, Bench, state_after

from databases import PostgreSQL
from redraft.queue import liveness
from redraft.queue.keeping.logs import KEEPER, OUTPUT, job_folder, tail
from redraft.state.database import Database

ASKED = "asked to save and pause"


@pytest.fixture
def bench(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    yield from _bench(database, monkeypatch)


@pytest.fixture
def on_sqlite(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    yield from _bench(sqlite_database, monkeypatch)


def _bench(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("REDRAFT_TASKS", str(HERE / "tasks"))
    monkeypatch.setenv("REDRAFT_LEASE", "6")
    found = Bench(database)
    yield found
    found.end()


def asked_at(bench: Bench, id: str) -> float:
    return bench.until(lambda: [e.at for e in bench.events(id, "log") if e.data["message"] == ASKED])[0]


def test_a_job_runs_to_its_end_and_tells_of_it(bench: Bench) -> None:
    id = bench.submit(steps=12, save_every=5)
    job = bench.until_state(id, "finished")
    assert job.result == {"steps": 12, "state": state_after(12)}
    assert job.attempt == 1 and job.process is None and job.handle is None
    steps = [event.data["step"] for event in bench.events(id, "metric")]
    assert steps == list(range(1, 13))
    assert [event.data["step"] for event in bench.events(id, "checkpoint")] == [5, 10, 12]
    assert bench.events(id, "progress")[-1].data["done"] == 12
    assert tail(id) == ["loading"] and (job_folder(id) / KEEPER).read_text() == ""


def test_pause_is_acknowledged_at_once_and_the_work_goes_on_from_where_it_was(on_sqlite: Bench) -> None:
    bench = on_sqlite
    id = bench.submit(steps=60, save_every=1000, seconds=0.05)
    bench.stepping(id)
    before = time.time()
    bench.jobs.pause(id)
    acknowledged = asked_at(bench, id) - before
    job = bench.until_state(id, "paused")
    print(f"acknowledged after {acknowledged * 1000:.0f} ms, paused after {time.time() - before:.2f} s")
    assert acknowledged < 2.0  # 0.2 s on a machine that does nothing else (benchmarks/)
    assert job.reason.startswith("stopped and saved at step") and not liveness.of_job(id)
    at = int(job.reason.split()[-1])
    assert 0 < at < 60
    bench.jobs.resume(id)
    job = bench.until_state(id, "finished")
    assert job.result is not None and job.result["state"] == state_after(60)
    steps = [event.data["step"] for event in bench.events(id, "metric")]
    assert steps == list(range(1, 61))


def test_a_pause_while_it_loads_and_one_that_is_taken_back(on_sqlite: Bench) -> None:
    bench = on_sqlite
    id = bench.submit(loading=20.0)
    bench.process(id, "child")
    bench.jobs.pause(id)
    job = bench.until_state(id, "paused", seconds=10)
    assert job.stalled == 0 or job.reason  # nothing was saved, and nothing is held against it
    other = bench.submit(steps=200, seconds=0.05)
    bench.stepping(other)
    bench.jobs.pause(other)
    bench.jobs.resume(other)
    bench.until(lambda: len(bench.events(other, "metric")) > 100)
    bench.jobs.cancel(other)
    assert bench.until_state(other, "cancelled").attempt in (1, 2)


def test_cancel_ends_even_work_that_does_not_listen_and_delete_takes_everything(on_sqlite: Bench) -> None:
    bench = on_sqlite
    id = bench.submit(steps=10_000, deaf=True)
    bench.stepping(id)
    bench.jobs.cancel(id)
    bench.until_state(id, "cancelled")
    assert not liveness.of_job(id)
    other = bench.submit(steps=10_000)
    bench.stepping(other)
    folder = bench.folder(other)
    child = bench.process(other, "child")
    bench.jobs.delete(other, files=True)
    bench.until(lambda: not [job for job in bench.jobs.page().items if job.id == other])
    bench.until(lambda: not folder.exists() and not job_folder(other).exists(), working=False)
    assert not liveness.alive(child)


def test_a_full_disk_pauses_with_the_reason_and_a_fault_fails_without_another_try(on_sqlite: Bench) -> None:
    bench = on_sqlite
    id = bench.submit(full_at=7)
    job = bench.until_state(id, "paused")
    assert job.reason == "the disk is full; free some space and resume the job"
    (bench.folder(id) / "room").touch()
    bench.jobs.resume(id)
    assert bench.until_state(id, "finished").result == {"steps": 20, "state": state_after(20)}
    job = bench.until_state(bench.submit(fault_at=3), "failed")
    assert job.attempt == 1 and job.error is not None and job.error["what"] == "it cannot be done"


def test_killed_work_is_begun_again_and_fails_when_it_comes_no_further(on_sqlite: Bench) -> None:
    bench = on_sqlite
    id = bench.submit(steps=60, seconds=0.05, save_every=5)
    bench.until(lambda: bench.events(id, "checkpoint"))
    os.kill(bench.process(id, "child")["pid"], signal.SIGKILL)
    job = bench.until_state(id, "finished")
    assert job.attempt == 2 and job.result is not None and job.result["state"] == state_after(60)
    assert any("was ended by SIGKILL" in str(event.data.get("reason")) for event in bench.events(id, "state"))
    assert not (bench.folder(id) / "twice").exists()


def test_a_dead_keepers_work_saves_and_ends_and_its_job_goes_on(on_sqlite: Bench) -> None:
    bench = on_sqlite
    id = bench.submit(steps=100, seconds=0.05, save_every=1000)
    bench.stepping(id)
    keeper, child = bench.process(id, "keeper"), bench.process(id, "child")
    os.kill(keeper["pid"], signal.SIGKILL)
    killed = time.time()
    bench.until(lambda: len(bench.events(id, "attempt")) == 2)
    print(f"begun again after {bench.events(id, 'attempt')[1].at - killed:.2f} s")
    assert not liveness.alive(child)
    job = bench.until_state(id, "finished")
    assert job.result is not None and job.result["state"] == state_after(100)
    again = [e.data["message"] for e in bench.events(id, "log") if e.data["message"].startswith("from step")][-1]
    assert int(again.split()[-1]) > 0  # what the work saved when it was left alone was found
    assert not (bench.folder(id) / "twice").exists()


def test_a_keeper_that_is_asked_to_end_gives_the_job_back(on_sqlite: Bench) -> None:
    bench = on_sqlite
    id = bench.submit(steps=100, seconds=0.05, save_every=1000)
    bench.stepping(id)
    bench.worker.stop_jobs(bench.jobs.running())
    bench.until(lambda: bench.jobs.get(id).state == "queued", working=False)
    job = bench.jobs.get(id)
    assert job.reason.startswith("given back in order: stopped and saved at step") and job.stalled == 0


@pytest.mark.slow
def test_what_a_busy_job_says_costs_at_most_a_commit_a_second(on_sqlite: Bench) -> None:
    bench = on_sqlite
    id = bench.submit(steps=40, seconds=0.1, chatter=50, save_every=1000)
    bench.until_state(id, "finished")
    said = bench.events(id, "metric")
    assert len(said) == 40 * 50
    commits = sorted({event.at for event in said})
    assert len(commits) <= commits[-1] - commits[0] + 2.5


@pytest.mark.slow
def test_secrets_do_not_reach_the_work_and_its_output_stays_bounded(
    on_sqlite: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = on_sqlite
    monkeypatch.setenv("REDRAFT_TOKEN", "not-for-everybody")
    id = bench.submit(steps=400, seconds=0.02)
    bench.stepping(id)
    environment = Path(f"/proc/{bench.process(id, 'child')['pid']}/environ").read_bytes()
    assert b"not-for-everybody" not in environment and b"REDRAFT_JOB=" + id.encode() in environment
    assert (job_folder(id) / OUTPUT).stat().st_size < 1000
    bench.jobs.cancel(id)
    bench.until_state(id, "cancelled")


def test_a_database_that_is_locked_for_a_while_costs_nothing(on_sqlite: Bench) -> None:
    bench = on_sqlite
    id = bench.submit(steps=60, seconds=0.05, save_every=10)
    bench.stepping(id)
    with bench.database.write():
        time.sleep(4.0)
    job = bench.until_state(id, "finished")
    assert job.attempt == 1 and job.result is not None and job.result["state"] == state_after(60)
    assert [event.data["step"] for event in bench.events(id, "metric")] == list(range(1, 61))


@pytest.mark.slow
def test_a_database_that_stays_locked_ends_the_work_and_the_job_goes_on_later(
    on_sqlite: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = on_sqlite
    monkeypatch.setenv("REDRAFT_LEASE", "2")
    id = bench.submit(steps=100, seconds=0.05, save_every=5)
    bench.stepping(id)
    keeper, child = bench.process(id, "keeper"), bench.process(id, "child")
    with bench.database.write():
        bench.until(lambda: not liveness.alive(keeper) and not liveness.alive(child), working=False)
    assert bench.jobs.get(id).state == "running"  # nobody could write anything else
    job = bench.until_state(id, "finished")
    assert job.attempt == 2 and job.result is not None and job.result["state"] == state_after(100)


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_postgresql_that_is_started_again_costs_nothing(
    postgresql_database: Database, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bench in _bench(postgresql_database, monkeypatch):
        id = bench.submit(steps=80, seconds=0.05, save_every=10)
        bench.stepping(id)
        postgresql.stop()
        time.sleep(1.5)
        postgresql.server = postgresql.start()
        job = bench.until_state(id, "finished")
        assert job.attempt == 1 and job.result is not None and job.result["state"] == state_after(80)
        assert [event.data["step"] for event in bench.events(id, "metric")] == list(range(1, 81))
