"""Workers: whose jobs they take, which they leave alone, which they pick up, and how they end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from stepping_work import HERE, Bench, run_worker, state_after

from redraft.core.home import home
from redraft.queue import liveness
from redraft.queue.executors.local import LocalExecutor
from redraft.queue.jobs import Jobs
from redraft.queue.served import SERVING
from redraft.queue.working import Worker
from redraft.state.database import Database
from redraft.state.places import DATABASE


@pytest.fixture
def bench(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("REDRAFT_TASKS", str(HERE / "tasks"))
    found = Bench(sqlite_database)
    yield found
    found.end()


@pytest.fixture
def workers() -> Iterator[list[subprocess.Popen[str]]]:
    """Workers as processes, ended with the test."""
    found: list[subprocess.Popen[str]] = []
    yield found
    for process in found:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def a_dead_process() -> dict[str, object]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = liveness.identity(process.pid)
    process.communicate()
    return found


def freeze(bench: Bench, *processes: dict[str, Any]) -> None:
    """Stops processes, but not in the middle of a commit: other machines would not share its lock of the file."""

    def frozen() -> bool:
        for process in processes:
            os.kill(process["pid"], signal.SIGSTOP)
        try:
            with contextlib.closing(sqlite3.connect(home() / DATABASE, timeout=0.5)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                return True
        except sqlite3.OperationalError:
            for process in processes:
                os.kill(process["pid"], signal.SIGCONT)
            return False

    waits(bench, frozen)


def waits(bench: Bench, true: object, seconds: float = 30.0) -> object:
    return bench.until(true, seconds, working=False)  # type: ignore[arg-type]


def test_a_stopped_worker_leaves_its_jobs_running_and_the_next_one_leaves_them_alone(
    bench: Bench, workers: list[subprocess.Popen[str]]
) -> None:
    id = bench.submit(steps=120, seconds=0.05)
    workers.append(run_worker())
    waits(bench, lambda: bench.events(id, "metric"))
    child = bench.jobs.get(id).process["child"]  # type: ignore[index]
    workers[0].send_signal(signal.SIGINT)
    said = workers[0].communicate(timeout=20)[1]
    assert workers[0].returncode == 0 and "1 job runs on" in said
    assert liveness.alive(child) and bench.jobs.workers() == []
    workers.append(run_worker("--until-idle"))
    workers[1].wait(60)
    job = bench.jobs.get(id)
    assert (job.state, job.attempt) == ("finished", 1)
    assert job.result is not None and job.result["state"] == state_after(120)


@pytest.mark.slow
def test_a_killed_worker_is_followed_by_another_that_finds_the_living_keeper(
    bench: Bench, workers: list[subprocess.Popen[str]]
) -> None:
    id = bench.submit(steps=60, seconds=0.05)
    workers.append(run_worker())
    waits(bench, lambda: bench.events(id, "metric"))
    workers[0].kill()
    workers[0].wait()
    other = bench.submit(steps=5)
    job = bench.until_state(id, "finished")  # the worker of this process has one slot: it counts the other's job
    assert job.attempt == 1 and bench.until_state(other, "finished").started_at >= job.finished_at - 1  # type: ignore[operator]


def test_a_job_whose_worker_died_before_it_began_is_picked_up_and_one_of_a_living_worker_is_not(
    bench: Bench,
) -> None:
    id, other = bench.submit(steps=5), bench.submit(steps=5)
    bench.jobs.set_worker("worker-dead", liveness.host(), a_dead_process(), {"device": 1})
    bench.jobs.set_worker("worker-living", liveness.host(), liveness.identity(), {"device": 1})
    assert bench.jobs.claim("worker-dead", ["device"], host=liveness.host())
    assert bench.jobs.claim("worker-living", ["device"], host=liveness.host())
    bench.worker.claiming = False
    for _ in range(4):  # however often: nothing was tried, and nothing is held against the job
        bench.until_state(id, "queued")
        assert bench.jobs.claim("worker-dead", ["device"], host=liveness.host())
    bench.worker.claiming = True
    job = bench.until_state(id, "finished")
    assert job.attempt == 6 and bench.jobs.get(other).state == "running"
    reasons = [event.data["reason"] for event in bench.events(id, "state")]
    assert any("its worker died before it had begun" in reason for reason in reasons)
    assert "worker-dead" not in [row.id for row in bench.jobs.workers()]


def test_a_keeper_that_comes_too_late_begins_nothing(bench: Bench) -> None:
    id = bench.submit(steps=5)
    late = bench.jobs.claim("worker-gone", ["device"], host=liveness.host())
    assert late is not None
    bench.jobs.rescue(id, late.lease_token, "its worker died before it had begun")
    assert bench.until_state(id, "finished").attempt == 2
    keeper = subprocess.run([sys.executable, *bench.executor.program, id, str(late.lease_token)], timeout=60)
    assert keeper.returncode == 3 and len(bench.events(id, "attempt")) == 2


def test_two_workers_do_each_job_once(bench: Bench, workers: list[subprocess.Popen[str]]) -> None:
    ids = [bench.submit(steps=4) for _ in range(4)]
    workers += [run_worker("--until-idle", "--device-slots", "2") for _ in range(2)]
    for process in workers:
        assert process.wait(90) == 0
    jobs = [bench.jobs.get(id) for id in ids]
    assert [(job.state, job.attempt) for job in jobs] == [("finished", 1)] * 4
    assert not [id for id in ids if (bench.folder(id) / "twice").exists()]


@pytest.mark.slow
def test_stop_jobs_has_them_saved_and_drain_waits_for_them(
    bench: Bench, workers: list[subprocess.Popen[str]]
) -> None:
    id = bench.submit(steps=100, seconds=0.05, save_every=1000)
    workers.append(run_worker("--stop-jobs"))
    waits(bench, lambda: bench.events(id, "metric"))
    workers[0].terminate()
    assert workers[0].wait(30) == 0
    job = bench.jobs.get(id)
    assert job.state == "queued" and "saved at step" in job.reason
    workers.append(run_worker("--drain"))
    waits(bench, lambda: len(bench.events(id, "attempt")) == 2)
    workers[1].terminate()
    assert workers[1].wait(60) == 0 and bench.jobs.get(id).state == "finished"


def test_another_machines_job_is_taken_when_its_lease_has_run_out_and_its_frozen_keeper_writes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDRAFT_LEASE", "2")
    id = bench.submit(steps=1000, seconds=0.05)
    bench.stepping(id)
    keeper, child = bench.process(id, "keeper"), bench.process(id, "child")
    freeze(bench, keeper, child)  # as if that machine slept
    monkeypatch.setenv("REDRAFT_HOST", "another")
    monkeypatch.setattr(liveness, "boot", lambda: "another start of another machine")
    elsewhere = Worker(Jobs(bench.database, bench.jobs.kinds), {"light": 1}, {"local": LocalExecutor()}, print)
    began = time.monotonic()
    while bench.jobs.get(id).state == "running":
        elsewhere.round()
        assert time.monotonic() - began < 20
        time.sleep(0.1)
    assert "nothing was heard of it" in bench.jobs.get(id).reason
    bench.jobs.cancel(id)
    before = bench.events(id)
    monkeypatch.undo()
    for process in (child, keeper):
        os.kill(process["pid"], signal.SIGCONT)
    waits(bench, lambda: not liveness.alive(keeper) and not liveness.alive(child))
    assert [event.id for event in bench.events(id)] == [event.id for event in before]
    assert bench.jobs.get(id).state == "cancelled"


@pytest.mark.slow
def test_a_servers_worker_stays_while_one_serves_and_ends_without_work_and_server(
    bench: Bench, workers: list[subprocess.Popen[str]]
) -> None:
    server = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    told = {"url": "http://127.0.0.1:1", "host": "127.0.0.1", "port": 1}
    (home() / SERVING).write_text(json.dumps({**told, "process": liveness.identity(server.pid)}))
    workers.append(run_worker("--while-served"))
    with pytest.raises(subprocess.TimeoutExpired):
        workers[0].wait(30)
    server.communicate()
    id = bench.submit(steps=400, seconds=0.1)
    with pytest.raises(subprocess.TimeoutExpired):
        workers[0].wait(30)
    bench.jobs.cancel(id)
    assert workers[0].wait(60) == 0
    assert bench.jobs.get(id).state == "cancelled"
