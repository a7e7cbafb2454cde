"""Models by the API: the catalogue, how far a fetch is, and what may be removed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from databases import WAYS
from redraft.state.access.token import ensure_token
from redraft.state.catalogue import entries
from redraft.state.database import Database
from redraft.state.places import new_id
from redraft.state.tables import Job, Model
from redraft.web.app import create_app
from redraft.web.settings import Settings

SMALL = "model-smolvlm-500m-instruct"


BOTH = pytest.mark.parametrize("way", WAYS)
"""For tests of what the two databases could do differently."""


@pytest.fixture
def way() -> str:
    return "sqlite"


@pytest.fixture
def database(way: str, make_database: Callable[[str], Database]) -> Database:
    return make_database(way)


@pytest.fixture
def client(database: Database, state_home: Path) -> Iterator[TestClient]:
    """A client of a service on that database."""
    headers = {"Authorization": f"Bearer {ensure_token().value}"}
    with TestClient(create_app(Settings()), base_url="http://127.0.0.1:7001", headers=headers) as started:
        yield started


def test_the_catalogue_is_there_at_once(client: TestClient) -> None:
    items = client.get("/api/models").json()["items"]
    assert [item["id"] for item in items] == sorted(entry.id for entry in entries())
    small = client.get(f"/api/models/{SMALL}").json()
    assert small in items
    assert (small["title"], small["status"], small["licence"]) == ("SmolVLM 500M", "known", "apache-2.0")
    assert small["memory_to_train"]["lora"] < small["memory_to_train"]["whole"] and small["pull"] is None
    assert "standard" in small["recipes"]


@BOTH
def test_pages_and_filters(client: TestClient) -> None:
    first = client.get("/api/models", params={"limit": 4}).json()
    rest = client.get("/api/models", params={"after": first["next"]}).json()
    assert len(first["items"]) == 4 and len(first["items"] + rest["items"]) == len(entries())
    families = client.get("/api/models", params={"family": "smolvlm"}).json()["items"]
    assert {item["family"] for item in families} == {"smolvlm"} and len(families) == 2
    assert client.get("/api/models", params={"kind": "merged"}).json()["items"] == []
    assert client.get("/api/models", params={"status": "asleep"}).status_code == 422


@BOTH
def test_fetching_is_a_job_and_its_progress_is_shown(client: TestClient, database: Database) -> None:
    answer = client.post(f"/api/models/{SMALL}/pull", headers={"Idempotency-Key": "one"})
    assert answer.status_code == 201
    job = answer.json()
    assert job["payload"]["repo"] == "HuggingFaceTB/SmolVLM-500M-Instruct"
    assert job["output"] == {"model": SMALL}
    assert client.post(f"/api/models/{SMALL}/pull", headers={"Idempotency-Key": "one"}).json()["id"] == job["id"]
    with database.write() as session:
        progress = {"stage": "fetching", "done": 3, "total": 9, "note": "1 MB/s"}
        session.execute(update(Job).where(Job.id == job["id"]).values(progress=progress))
    shown = client.get(f"/api/models/{SMALL}").json()
    assert shown["status"] == "pulling"
    assert shown["pull"] == {"job": job["id"], "state": "queued", "reason": "", "progress": progress}
    client.post(f"/api/jobs/{job['id']}/cancel")
    after = client.get(f"/api/models/{SMALL}").json()
    assert (after["status"], after["pull"]["state"]) == ("known", "cancelled")


def test_any_model_of_the_hub_can_be_fetched(client: TestClient) -> None:
    job = client.post("/api/models/pull", json={"repo": "some/thing", "revision": "v1"}).json()
    made = client.get(f"/api/models/{job['output']['model']}").json()
    assert (made["name"], made["title"], made["status"]) == ("hf:some/thing", "some/thing", "pulling")


@pytest.mark.parametrize("repo", ["thing", "../../etc/passwd", "http://elsewhere/x", "a/b/c", "a b/c", ""])
def test_what_is_no_repository(client: TestClient, repo: str) -> None:
    assert client.post("/api/models/pull", json={"repo": repo}).status_code == 422


def test_the_built_in_model_comes_from_no_hub(client: TestClient) -> None:
    answer = client.post("/api/models/model-tiny/pull")
    assert answer.status_code == 409 and "does not come from a hub" in answer.json()["detail"]


def test_base_models_are_not_removed(client: TestClient) -> None:
    answer = client.delete(f"/api/models/{SMALL}")
    assert answer.status_code == 409 and "db sync" in answer.json()["remedy"]


def add(database: Database, folder: Path, **more: object) -> str:
    id = new_id("model")
    folder.mkdir(parents=True)
    with database.write() as session:
        row = {"kind": "imported", "status": "ready", "about": {}, "created_at": 1.0} | more
        session.add(Model(id=id, name=folder.name, folder=str(folder), **row))
    return id


@BOTH
def test_a_model_made_here_is_removed(client: TestClient, database: Database, state_home: Path) -> None:
    id = add(database, state_home / "models" / "mine")
    job = client.post("/api/jobs", json={"kind": "evaluate", "payload": {"model": id, "dataset": new_id("data")}})
    assert job.status_code == 404, "there is no such dataset"
    assert client.delete(f"/api/models/{id}", params={"files": True}).status_code == 200
    assert client.get(f"/api/models/{id}").status_code == 404
    assert not (state_home / "models" / "mine").exists()


def test_somebodys_own_model_stays(client: TestClient, database: Database, tmp_path: Path) -> None:
    id = add(database, tmp_path / "theirs")
    assert client.delete(f"/api/models/{id}", params={"files": True}).status_code == 409
    assert client.delete(f"/api/models/{id}").status_code == 200
    assert (tmp_path / "theirs").is_dir()
    shutil.rmtree(tmp_path / "theirs")


def test_models_of_others_are_not_seen(client: TestClient, database: Database, tmp_path: Path) -> None:
    id = add(database, tmp_path / "theirs", owner="somebody else")
    assert id not in [item["id"] for item in client.get("/api/models").json()["items"]]
    assert client.get(f"/api/models/{id}").status_code == 404
    assert client.delete(f"/api/models/{id}").status_code == 404
