"""What a training can begin with, over HTTP: presets, plans and checkpoints."""

from __future__ import annotations

from typing import Any

import psutil
import pytest
from fastapi.testclient import TestClient
from run_folders import enter_checkpoint, enter_run

from redraft.core.errors import RedraftError, WorkerLost
from redraft.state.database import Database
from redraft.state.places import DATASETS, new_id, place
from redraft.state.tables import Dataset
from redraft.web.planning import Planner

TINY = {"model": {"base": "tiny", "freeze": []}, "train": {"max_steps": 5, "batch_size": 2}}


@pytest.fixture
def state(client: TestClient) -> Database:
    """The database behind the client."""
    found: Database = client.app.state.service.database  # type: ignore[attr-defined]
    return found


def enter_dataset(state: Database) -> str:
    id = new_id("data")
    with state.write() as session:
        session.add(Dataset(id=id, name="parts", folder=str(place(DATASETS, id)), task="cad", created_at=1.0))
    return id


def test_the_presets_of_the_earlier_system_are_there(client: TestClient) -> None:
    found = client.get("/api/training/presets").json()
    assert [one["name"] for one in found] == ["quick_test", "standard", "high_quality", "memory_efficient"]
    assert all(one["title"] and one["recipe"]["train"] for one in found)
    more = client.get("/api/training/presets", params={"all": True}).json()
    assert {"cad-tiny", "summary-tiny"} < {one["name"] for one in more} and more[:4] == found


def test_checkpoints_of_all_runs_and_of_one(client: TestClient, state: Database) -> None:
    first, second = enter_run(state, "first"), enter_run(state, "second")
    other = enter_run(state, "other", owner="somebody else")
    made = [enter_checkpoint(state, first, step, removed=step < 30) for step in (10, 20, 30)]
    made.append(enter_checkpoint(state, second, 10, latest=True, bytes=13))
    enter_checkpoint(state, other, 10)

    def listed(**params: Any) -> list[str]:
        return [one["id"] for one in client.get("/api/training/checkpoints", params=params).json()["items"]]

    assert listed() == [made[3], made[2]]
    assert listed(removed=True) == made[::-1]
    assert listed(run=first.id, removed=True) == made[2::-1]
    page = client.get("/api/training/checkpoints", params={"limit": 1}).json()
    assert page["items"][0]["run_name"] == "second" and page["items"][0]["bytes"] == 13
    assert listed(after=page["next"]) == [made[2]]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"preset": "quick_test", "recipe": {}}, 422, "recipe"),
        ({"preset": "slow_test", "dataset": "READY"}, 404, "slow_test"),
        ({"preset": "quick_test", "dataset": "data-01k9zq3v7w3t9c5a7m2v4x8n1b"}, 404, "dataset"),
        ({"preset": "quick_test", "dataset": "MAKING"}, 409, "made"),
        ({"preset": "quick_test", "dataset": "READY"}, 409, "removed"),
        ({"recipe": {"task": "cad", "trian": {}}, "dataset": "READY"}, 422, "trian"),
        ({"recipe": {"task": "cad", "dataset": "/etc"}}, 422, "dataset"),
        ([1], 422, ""),
    ],
)
def test_a_plan_that_cannot_be_made_says_why(
    client: TestClient, state: Database, body: Any, status: int, word: str
) -> None:
    drawn = client.post("/api/jobs", json={"kind": "generate", "payload": {"task": "cad", "train": 8}}).json()
    ids = {"READY": enter_dataset(state), "MAKING": drawn["output"]["dataset"]}
    if isinstance(body, dict) and body.get("dataset") in ids:
        body = {**body, "dataset": ids[body["dataset"]]}
    answer = client.post("/api/training/plan", json=body)
    assert answer.status_code == status, answer.text
    assert word in answer.text and answer.json()["remedy"]
    assert client.post("/api/training/plan", json=body, params={"memory_gb": 0}).status_code == 422


def children() -> list[psutil.Process]:
    return [one for one in psutil.Process().children(recursive=True) if "plan" in one.cmdline()]


@pytest.mark.parametrize("late", [True, False])
def test_a_plan_nobody_waits_for_leaves_no_process(client: TestClient, late: bool) -> None:
    async def gone() -> bool:
        return not late

    async def plan() -> None:
        await Planner().plan(
            {"task": "cad", "dataset": "nowhere", **TINY}, None, gone, limit=0.0 if late else 60.0
        )

    with pytest.raises(WorkerLost, match="seconds" if late else "waits"):
        client.portal.call(plan)  # type: ignore[union-attr]
    assert children() == []


@pytest.mark.slow
def test_what_stops_the_run_stops_the_plan(client: TestClient) -> None:
    async def gone() -> bool:
        return False

    async def plan() -> Any:
        return await Planner().plan({"task": "cad", "dataset": "nowhere", **TINY}, None, gone)

    with pytest.raises(RedraftError, match="dataset"):
        client.portal.call(plan)  # type: ignore[union-attr]
    assert children() == []


@pytest.mark.slow
def test_a_plan_tells_memory_time_and_disk(client: TestClient, state: Database) -> None:
    from redraft.queue.kinds.datasets import facts
    from redraft.queue.local import LocalProcess

    id = enter_dataset(state)
    folder = place(DATASETS, id)
    process = LocalProcess("data.generate", {"task": "cad", "out": str(folder), "count": 12, "seed": 1})
    assert list(process.events()) is not None
    with state.write() as session:
        row = session.get(Dataset, id)
        for name, value in facts(folder).items():
            setattr(row, name, value)
    body = {"recipe": {"task": "cad", **TINY}, "dataset": id}
    found = client.post("/api/training/plan", json=body).json()
    assert found["fits"] is True and found["time"]["steps"] == 5
    assert found["memory"]["needed_bytes"] > 0 and found["examples"]["count"] == 12
    small = client.post("/api/training/plan", json=body, params={"memory_gb": 0.2}).json()
    assert small["fits"] is False and small["changes"]
    assert str(folder.parent.parent) not in str(found)
