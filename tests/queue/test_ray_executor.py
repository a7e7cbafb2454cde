"""Jobs on a Ray cluster of two nodes, for real: who may connect, where keepers run, and what outlives whom."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ray_clusters import Nodes, make_token, two_nodes
from stepping_work import HERE, KINDS, PROGRAM, state_after

from redraft.queue.executors.ray import RayExecutor, resources
from redraft.queue.jobs import Jobs
from redraft.queue.working import Worker
from redraft.state.database import Database
from redraft.state.tables import Job

SLOTS = {"device": 1, "light": 2}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def cluster(home: Path) -> Iterator[Nodes]:
    """Two nodes that ask for the token, with the state folder that they share."""
    with two_nodes(REDRAFT_HOME=str(home), REDRAFT_TASKS=str(HERE / "tasks")) as found:
        yield found


@pytest.fixture
def jobs(cluster: Nodes) -> Iterator[Jobs]:
    database = Database.open()
    yield Jobs(database, KINDS)
    database.close()


def worker(jobs: Jobs, cluster: Nodes, **more: Any) -> Worker:
    return Worker(
        jobs, SLOTS, {"ray": RayExecutor(cluster.address, program=PROGRAM, **more)}, lambda line: print(line)
    )


def until(found: Worker, holds: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to it in time"
        found.round()
        time.sleep(0.1)


def names() -> list[str]:
    import ray

    found: list[str] = ray.util.list_named_actors()
    return found


def connecting(code: str, **variables: str) -> str:
    """What a process of its own says to an attempt to connect; Ray reads its settings once a process."""
    program = f"""
from redraft.core.errors import RedraftError
from redraft.core.ray_cluster import connect
try:
    connect({code})
    print("connected")
except RedraftError as error:
    print(type(error).__name__, error)
"""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip().rpartition("\n")[2]


@pytest.mark.slow
def test_a_job_runs_on_the_cluster_and_its_room_is_free_again(cluster: Nodes, jobs: Jobs) -> None:
    found = worker(jobs, cluster)
    job = jobs.submit("stepping", {"request": {"steps": 3}}, executor="ray")
    until(found, lambda: jobs.get(job.id).state in ("finished", "failed"))
    done = jobs.get(job.id)
    assert (done.state, done.result) == ("finished", {"steps": 3, "state": state_after(3)}), done.error
    until(found, lambda: not names(), 30)  # the actor ends with its keeper


@pytest.mark.slow
def test_without_the_right_token_nobody_connects(cluster: Nodes, tmp_path: Path) -> None:
    wrong = make_token(tmp_path)
    said = connecting(repr(cluster.address), RAY_AUTH_TOKEN_PATH=str(wrong))
    assert said.startswith("StateError") and "refuses this machine's token" in said
    said = connecting(repr(cluster.address), HOME=str(tmp_path))
    assert said.startswith("UsageError") and "there is no token for the Ray cluster" in said
    said = connecting(repr(cluster.address), RAY_AUTH_TOKEN="short")
    assert said.startswith("UsageError") and "fewer than 32 characters" in said and "short" not in said
    said = connecting(repr(cluster.address), RAY_AUTH_MODE="disabled", RAY_AUTH_TOKEN_PATH=str(wrong))
    assert said.startswith("UsageError") and "only Ray clusters with token authentication" in said


def test_what_ray_is_asked_to_keep_free() -> None:
    def job(resource: str, **payload: Any) -> Job:
        return Job(resource=resource, payload=payload)

    assert resources(job("light"), with_gpus=True) == {"num_cpus": 1}
    assert resources(job("device"), with_gpus=True) == {"num_cpus": 1, "num_gpus": 1}
    assert resources(job("device", processes=4), with_gpus=True) == {"num_cpus": 4, "num_gpus": 4}
    assert resources(job("device", processes=2), with_gpus=False) == {"num_cpus": 2}
