"""Data drawn by a Ray cluster of two nodes is the data that one machine draws, byte by byte."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from ray_clusters import two_nodes

from redraft.queue.executors.ray import RayExecutor
from redraft.queue.jobs import Jobs
from redraft.queue.local import LocalProcess
from redraft.queue.working import Worker
from redraft.state.database import Database
from redraft.state.places import DATASETS, place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WANTED = {
    "cad": {"train": 40, "validation": 6, "test": 6, "seed": 5, "options": {"level": "simple"}},
    "summary": {"train": 50, "validation": 5, "test": 5, "seed": 5, "options": {"level": "simple"}},
}


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder by its SHA-256."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def draw(request: dict[str, object]) -> list[str]:
    """Draws it in a worker's process; what that says in its log."""
    process = LocalProcess("data.generate", request)
    said = [event["message"] for event in process.events() if event["event"] == "log"]
    process.result()
    return said


@pytest.mark.parametrize("task", WANTED)
def test_a_cluster_draws_the_same_bytes(task: str, tmp_path: Path) -> None:
    wanted = WANTED[task]
    request = {**wanted, "task": task, "count": wanted["train"]}
    draw({**request, "out": str(tmp_path / "here")})
    with two_nodes(REDRAFT_HOME=str(tmp_path / "home")) as cluster:
        os.environ["RAY_ADDRESS"] = cluster.address
        said = draw({**request, "out": str(tmp_path / "there"), "spread": "ray"})
    assert "drawn on a Ray cluster: 2 nodes, 3 free processors" in said
    assert any("by 2 nodes" in line for line in said), said
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_a_job_on_the_cluster_has_its_data_drawn_by_all_nodes(tmp_path: Path) -> None:
    wanted = WANTED["summary"]
    draw({**wanted, "task": "summary", "count": wanted["train"], "out": str(tmp_path / "here")})
    with two_nodes(REDRAFT_HOME=str(tmp_path / "home")) as cluster:
        jobs = Jobs(Database.open())
        job = jobs.submit("generate", {**wanted, "task": "summary"}, executor="ray")
        worker = Worker(jobs, {"light": 1}, {"ray": RayExecutor(cluster.address)}, print)
        deadline = time.monotonic() + 120
        while jobs.get(job.id).state not in ("finished", "failed") and time.monotonic() < deadline:
            worker.round()
            time.sleep(0.1)
        done = jobs.get(job.id)
        assert done.state == "finished", done.error
        made = place(DATASETS, done.output["dataset"])
        assert contents(made) == contents(tmp_path / "here")
