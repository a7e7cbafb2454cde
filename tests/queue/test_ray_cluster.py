"""The long way on a Ray cluster of two nodes: keepers outlive workers, and jobs outlive keepers and nodes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from ray_clusters import Nodes, make_token, two_nodes
from stepping_work import GRACE, HERE, KINDS, PROGRAM, state_after
from test_ray_executor import connecting

from databases import PostgreSQL
from redraft.queue import liveness
from redraft.queue.events import after
from redraft.queue.executors.ray import RayExecutor
from redraft.queue.jobs import Jobs
from redraft.queue.working import Worker
from redraft.state.database import VARIABLE, Database
from redraft.state.tables import Job

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Bench:
    """A queue on a cluster. through: whether everything about a keeper is asked of Ray, as of another machine."""

    def __init__(self, cluster: Nodes, through: bool = False) -> None:
        self.cluster, self.through = cluster, through
        self.jobs = Jobs(Database.open(), KINDS)
        self.new_worker()

    def new_worker(self) -> None:
        """As after a restart: nothing of the worker before is known but what rows and the cluster say."""
        import ray

        ray.shutdown()
        executor = RayExecutor(self.cluster.address, grace=GRACE, local=not self.through, program=PROGRAM)
        self.worker = Worker(self.jobs, {"device": 2, "light": 1}, {"ray": executor}, print)
        executor.connect()

    def submit(self, **request: Any) -> str:
        return self.jobs.submit("stepping", {"request": {"steps": 20, **request}}, executor="ray").id

    def until(self, true: Callable[[], Any], seconds: float = 90.0) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := true()):
            assert time.monotonic() < deadline, [
                (job.id, job.state, job.reason, job.error) for job in self.jobs.page().items
            ]
            self.worker.round()
            time.sleep(0.1)
        return found

    def ended(self, id: str, seconds: float = 90.0) -> Job:
        self.until(lambda: self.jobs.get(id).state in ("finished", "failed"), seconds)
        return self.jobs.get(id)

    def stepping(self, id: str) -> Job:
        self.until(lambda: after(self.jobs.database, 0, job=id, kinds=["metric"], limit=1))
        self.until(lambda: self.jobs.get(id).handle)
        return self.jobs.get(id)

    def end(self) -> None:
        for job in self.jobs.running():
            for which in (job.process or {}).values():
                if which and liveness.alive(which):
                    os.kill(which["pid"], signal.SIGKILL)
            liveness.end_job(job.id, 0.0)
        self.jobs.database.close()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    home = tmp_path_factory.mktemp("home")
    variables = {
        "REDRAFT_HOME": str(home),
        "REDRAFT_TASKS": str(HERE / "tasks"),
        "REDRAFT_LEASE": "6",
    }
    if request.param == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        variables[VARIABLE] = server.fresh()
    with two_nodes(**variables) as found:
        yield found


@pytest.fixture(params=[False, True], ids=["as-processes", "through-ray"])
def bench(cluster: Nodes, request: pytest.FixtureRequest) -> Iterator[Bench]:
    found = Bench(cluster, request.param)
    yield found
    found.end()


def gpus_in_use() -> float:
    import ray

    return float(ray.cluster_resources()["GPU"] - ray.available_resources().get("GPU", 0))


def test_a_keeper_outlives_its_worker_and_the_next_one_finds_it(bench: Bench) -> None:
    id = bench.submit(steps=60, seconds=0.1)
    keeper = bench.stepping(id).process["keeper"]
    bench.new_worker()
    bench.until(lambda: gpus_in_use() == 1)  # the job for a device holds the one GPU of the cluster
    done = bench.ended(id)
    assert (done.state, done.attempt, done.result) == ("finished", 1, {"steps": 60, "state": state_after(60)})
    bench.until(lambda: not liveness.alive(keeper))
    bench.until(lambda: gpus_in_use() == 0)


def test_a_dead_keepers_job_goes_on_from_its_checkpoint(bench: Bench) -> None:
    id = bench.submit(steps=60, seconds=0.1, save_every=5)
    job = bench.stepping(id)
    bench.until(lambda: bench.jobs.get(id).checkpoint_id)
    os.kill(job.process["keeper"]["pid"], signal.SIGKILL)
    done = bench.ended(id)
    assert (done.state, done.attempt, done.result) == ("finished", 2, {"steps": 60, "state": state_after(60)})
    steps = [event.data["step"] for event in after(bench.jobs.database, 0, job=id, kinds=["metric"], limit=1000)]
    assert steps.count(1) == 1  # it did not begin again


def test_a_keeper_whose_actor_dies_goes_on(bench: Bench) -> None:
    id = bench.submit(steps=60, seconds=0.1)
    keeper = bench.stepping(id).process["keeper"]
    psutil.Process(keeper["pid"]).parent().kill()
    done = bench.ended(id)
    assert (done.state, done.attempt, done.result) == ("finished", 1, {"steps": 60, "state": state_after(60)})


def test_a_job_for_which_there_is_no_room_waits_and_then_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redraft.queue.executors.ray.BEGIN", 3.0)
    first = bench.submit(steps=100, seconds=0.1)
    bench.stepping(first)
    second = bench.submit(steps=5)
    bench.until(lambda: "no node of the Ray cluster has room for it now" in bench.jobs.get(second).reason)
    assert bench.ended(first).state == "finished"
    done = bench.ended(second)
    assert done.state == "finished", done.error


def test_a_stopped_worker_has_its_jobs_saved_and_given_back(bench: Bench) -> None:
    id = bench.submit(steps=60, seconds=0.1, save_every=1000)
    bench.stepping(id)
    bench.worker.claiming = False
    bench.worker.stop_jobs(bench.jobs.running())
    bench.until(lambda: bench.jobs.get(id).state == "queued")
    bench.worker.claiming = True
    done = bench.ended(id)
    assert (done.state, done.attempt, done.result) == ("finished", 2, {"steps": 60, "state": state_after(60)})


def test_a_cluster_that_asks_for_no_token_is_refused(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    with two_nodes(RAY_AUTH_MODE="disabled") as cluster:
        said = connecting(repr(cluster.address), RAY_AUTH_TOKEN_PATH=str(token))
    assert said.startswith("UsageError") and "lets everybody in" in said
