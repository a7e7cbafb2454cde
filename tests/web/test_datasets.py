"""Datasets by the API: listed, added, renamed, checked, and never removed under a job."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from databases import WAYS
from lying_folders import make_dataset
from redraft.state.access.token import ensure_token
from redraft.state.database import Database
from redraft.state.places import new_id
from redraft.state.sync import sync
from redraft.state.tables import Dataset
from redraft.web.app import create_app
from redraft.web.settings import Settings

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


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("datasets") / "plates")


@pytest.fixture
def entered(database: Database, original: Path, tmp_path: Path) -> str:
    """The id of a dataset that lies in somebody's own folder."""
    folder = shutil.copytree(original, tmp_path / "work" / "plates")
    sync(database, [folder])
    with database.read() as session:
        return str(session.query(Dataset.id).scalar())


def zipped(folder: Path, inside: str = "plates/") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, inside + path.relative_to(folder).as_posix())
    return file.getvalue()


def send(client: TestClient, body: bytes, name: str = "plates.zip") -> dict[str, Any]:
    headers = {"Content-Type": "application/octet-stream"}
    answer = client.post("/api/uploads", params={"name": name}, content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@BOTH
def test_a_dataset_is_listed_and_shown(client: TestClient, entered: str, tmp_path: Path) -> None:
    (listed,) = client.get("/api/datasets").json()["items"]
    assert listed["id"] == entered and listed["counts"] == {"train": 6, "validation": 2}
    assert (listed["examples"], listed["status"], listed["origin"], listed["licence"]) == (
        8,
        "ready",
        "found",
        "MIT",
    )
    answer = client.get(f"/api/datasets/{entered}")
    shown = answer.json()
    assert listed.items() <= shown.items()
    assert shown["card"].startswith("---") and "made by a test" in shown["card"]
    assert shown["about"]["seed"] == 3 and shown["used_by"] == [] and shown["check"] is None
    assert str(tmp_path) not in answer.text, "ids, not paths"


@BOTH
def test_filters_and_the_old_address(client: TestClient, entered: str, database: Database) -> None:
    made = new_id("data")
    with database.write() as session:
        row = {"name": "drawn", "folder": "/nowhere", "task": "summary", "origin": "generated", "created_at": 1.0}
        session.add(Dataset(id=made, **row))

    def ids(**query: str) -> list[str]:
        return [item["id"] for item in client.get("/api/datasets", params=query).json()["items"]]

    assert ids() == [made, entered]
    assert ids(task="cad") == [entered] and ids(origin="generated") == [made] and ids(status="missing") == []
    assert [item["id"] for item in client.get("/api/datasets/generated").json()["items"]] == [made]
    first = client.get("/api/datasets", params={"limit": 1}).json()
    assert first["next"] == made
    assert [i["id"] for i in client.get("/api/datasets", params={"after": made}).json()["items"]] == [entered]


@BOTH
def test_an_uploaded_dataset_becomes_one_of_ours(client: TestClient, original: Path, state_home: Path) -> None:
    upload = send(client, zipped(original))
    assert upload["dataset"] is True
    answer = client.post("/api/datasets", json={"upload": upload["id"], "name": "sent plates"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/api/datasets/{made['id']}"
    assert (made["name"], made["origin"], made["examples"]) == ("sent plates", "uploaded", 8)
    folder = state_home / "datasets" / made["id"]
    assert {p.name for p in folder.iterdir()} == {p.name for p in original.iterdir()}
    assert client.get(f"/api/uploads/{upload['id']}").status_code == 404, "it has become the dataset"
    assert not list((state_home / "uploads").iterdir())


def test_a_dataset_packed_without_its_folder(client: TestClient, original: Path) -> None:
    upload = send(client, zipped(original, ""), "my plates.zip")
    made = client.post("/api/datasets", json={"upload": upload["id"]}).json()
    assert made["examples"] == 8 and made["name"]


def changed(folder: Path, where: Path) -> Path:
    """A dataset one byte of which has changed on its way."""
    copy = Path(shutil.copytree(folder, where))
    shard = next((copy / "data").glob("*.parquet"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(bytes(data))
    return copy


def test_what_is_no_dataset_or_has_changed(client: TestClient, original: Path, tmp_path: Path) -> None:
    other = send(client, b"{}\n", "a.jsonl")
    answer = client.post("/api/datasets", json={"upload": other["id"]})
    assert answer.status_code == 422 and "no dataset of redraft" in answer.json()["detail"]
    assert "import" in answer.json()["remedy"]
    damaged = send(client, zipped(changed(original, tmp_path / "changed")))
    answer = client.post("/api/datasets", json={"upload": damaged["id"]})
    assert answer.status_code == 422 and "has changed since it was made" in answer.json()["detail"]
    assert answer.json()["where"] == damaged["id"]
    cut = Path(shutil.copytree(original, tmp_path / "cut"))
    next((cut / "data").glob("*.parquet")).unlink()
    missing = send(client, zipped(cut))
    answer = client.post("/api/datasets", json={"upload": missing["id"]})
    assert answer.status_code == 422 and "missing or cut" in answer.json()["detail"]
    assert client.get("/api/datasets").json()["items"] == []
    assert client.get(f"/api/uploads/{missing['id']}").status_code == 200, "the upload is still there"


def test_a_manifest_cannot_reach_other_files(client: TestClient, original: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(original, tmp_path / "reaching"))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"].append({"path": "../../../token", "bytes": 43, "sha256": "0" * 64})
    (copy / "manifest.json").write_text(json.dumps(manifest))
    upload = send(client, zipped(copy))
    answer = client.post("/api/datasets", json={"upload": upload["id"]})
    assert answer.status_code == 422 and "a file outside of it" in answer.json()["detail"]


def test_a_dataset_gets_another_name(client: TestClient, entered: str) -> None:
    assert (
        client.patch(f"/api/datasets/{entered}", json={"name": "plates of May"}).json()["name"] == "plates of May"
    )
    assert client.patch(f"/api/datasets/{entered}", json={"name": "a\x00b"}).status_code == 422
    assert client.patch(f"/api/datasets/{entered}", json={"folder": "/etc"}).status_code == 422


@BOTH
def test_a_check_is_a_job(client: TestClient, entered: str) -> None:
    answer = client.post(f"/api/datasets/{entered}/check", json={"max_tokens": 100})
    assert answer.status_code == 201
    job = answer.json()
    assert job["kind"] == "check"
    assert job["payload"] == {"dataset": entered, "model": None, "max_tokens": 100}
    assert answer.headers["location"] == f"/api/jobs/{job['id']}"
    shown = client.get(f"/api/datasets/{entered}").json()
    assert shown["check"] == {"job": job["id"], "state": "queued", "examples": None, "faults": None}
    assert shown["used_by"] == [job["id"]]
    assert client.post(f"/api/datasets/{entered}/check").status_code == 201, "a body is not needed"


@BOTH
def test_no_dataset_is_removed_under_a_job(client: TestClient, entered: str) -> None:
    job = client.post(f"/api/datasets/{entered}/check").json()
    answer = client.delete(f"/api/datasets/{entered}")
    assert answer.status_code == 409 and answer.json()["where"] == job["id"]
    client.post(f"/api/jobs/{job['id']}/cancel")
    assert client.delete(f"/api/datasets/{entered}").status_code == 200
    assert client.get(f"/api/datasets/{entered}").status_code == 404


def test_no_dataset_is_removed_while_it_is_made(client: TestClient) -> None:
    job = client.post("/api/jobs", json={"kind": "generate", "payload": {"task": "cad", "train": 8}}).json()
    id = job["output"]["dataset"]
    assert client.get(f"/api/datasets/{id}").json()["status"] == "making"
    for answer in (client.delete(f"/api/datasets/{id}"), client.post(f"/api/datasets/{id}/check")):
        assert answer.status_code == 409 and "being made" in answer.json()["detail"].replace(
            "making", "being made"
        )


def test_somebodys_own_folder_is_never_removed(client: TestClient, entered: str, tmp_path: Path) -> None:
    folder = tmp_path / "work" / "plates"
    answer = client.delete(f"/api/datasets/{entered}", params={"files": True})
    assert answer.status_code == 409 and "outside the state folder" in answer.json()["detail"]
    assert client.delete(f"/api/datasets/{entered}").status_code == 200
    assert (folder / "manifest.json").is_file()


def test_our_own_folder_is_removed_where_asked(client: TestClient, original: Path, state_home: Path) -> None:
    ids = []
    for _ in range(2):
        upload = send(client, zipped(original))
        ids.append(client.post("/api/datasets", json={"upload": upload["id"]}).json()["id"])
    assert client.delete(f"/api/datasets/{ids[0]}", params={"files": True}).status_code == 200
    assert client.delete(f"/api/datasets/{ids[1]}").status_code == 200
    assert [path.name for path in (state_home / "datasets").iterdir()] == [ids[1]]


def test_a_dataset_whose_folder_is_gone(client: TestClient, entered: str, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "work" / "plates")
    for answer in (
        client.post(f"/api/datasets/{entered}/check"),
        client.get(f"/api/datasets/{entered}/examples"),
        client.get(f"/api/datasets/{entered}/examples/train/0/images/0"),
    ):
        assert answer.status_code == 409 and "folder is gone" in answer.json()["detail"]
    assert client.get(f"/api/datasets/{entered}").json()["card"] is None
    assert client.delete(f"/api/datasets/{entered}").status_code == 200


def test_datasets_of_others_are_not_seen(client: TestClient, database: Database) -> None:
    id = new_id("data")
    with database.write() as session:
        session.add(Dataset(id=id, name="x", folder="/x", owner="somebody else", created_at=1.0))
    assert client.get("/api/datasets").json()["items"] == []
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/check"), ("GET", "/examples")):
        assert client.request(method, f"/api/datasets/{id}{path}").status_code == 404


@pytest.mark.parametrize("id", ["data-../../token", "..%2f..%2ftoken", "data-" + "0" * 26, "data-x", "%00"])
def test_an_id_is_no_path(client: TestClient, id: str) -> None:
    for path in ("", "/examples", "/examples/train/0/images/0"):
        assert client.get(f"/api/datasets/{id}{path}").status_code in (404, 422)
