"""Browsing a dataset: its examples and pictures come from the process that answers, drawn where none are kept."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest
from fastapi.testclient import TestClient

from drawn_examples import drawn_example
from lying_folders import make_dataset
from redraft.state.sync import sync


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset that keeps its pictures."""
    folder = tmp_path_factory.mktemp("browsed")
    make_dataset(folder / "kept", count=25)
    return folder


@pytest.mark.slow
def test_pictures_that_are_drawn_when_they_are_asked_for(client: TestClient, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "redraft", "data", "generate", "cad", str(tmp_path / "drawn")]
    command += ["--count", "2", "--seed", "1", "--no-images", "--option", "level=simple", "--option", "grid=64"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    sync(client.app.state.service.database, [tmp_path / "drawn"])  # type: ignore[attr-defined]
    id = client.get("/api/datasets").json()["items"][0]["id"]
    drawn = client.get(f"/api/datasets/{id}/examples").json()
    assert len(drawn["items"][0]["images"]) == 3 and drawn["items"][0]["truth"]
    front = client.get(drawn["items"][0]["images"][0]["url"])
    picture = PIL.Image.open(io.BytesIO(front.content))
    assert picture.size[0] >= 128 and picture.convert("L").getextrema()[0] < 128, "there are lines on it"


def test_examples_and_pictures(client: TestClient, folders: Path) -> None:
    sync(client.app.state.service.database, [folders])  # type: ignore[attr-defined]
    ids = {item["name"]: item["id"] for item in client.get("/api/datasets").json()["items"]}
    base = f"/api/datasets/{ids['kept']}/examples"

    answer = client.get(base, params={"limit": 3})
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert (page["split"], page["total"], page["next"]) == ("train", 25, 3)
    assert [item["id"] for item in page["items"]] == ["drawn-0", "drawn-1", "drawn-2"]
    assert page["items"][0]["messages"][-1]["role"] == "assistant"
    assert str(folders) not in answer.text

    last = client.get(base, params={"start": 24, "limit": 3}).json()
    assert [item["index"] for item in last["items"]] == [24] and last["next"] is None
    assert client.get(base, params={"start": 25}).json()["items"] == []
    found = client.get(base, params={"find": "drawn-26", "limit": 1}).json()
    assert (found["split"], found["items"][0]["id"]) == ("validation", "drawn-26")

    shown = client.get(page["items"][1]["images"][0]["url"])
    assert shown.headers["content-type"] == "image/png" and shown.headers["x-content-type-options"] == "nosniff"
    assert shown.content == drawn_example(1, [(32, 32)]).images[0].bytes

    for path, status in (
        ("?split=nowhere", 404),
        ("?find=nobody", 422),
        ("?start=-1", 422),
        ("?limit=1000", 422),
        ("/train/25/images/0", 404),
        ("/train/0/images/1", 404),
        ("/nowhere/0/images/0", 404),
        ("/..%2f..%2f/0/images/0", 422),
    ):
        wrong = client.get(base + path)
        assert wrong.status_code == status or (status == 422 and wrong.status_code == 404), (path, wrong.text)
        assert str(folders) not in wrong.text
