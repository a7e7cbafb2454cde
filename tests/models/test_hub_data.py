"""Datasets to and from a hub, over real HTTP: pushed, read again as a stream, and refused without the right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub_machine import Machine
from hub_server import TOKEN, Hub
from redraft.core.discovery import load_task
from redraft.core.errors import InputError, RedraftError
from redraft.core.work import Silent
from redraft.datasets.reader import Dataset
from redraft.datasets.writer import DatasetWriter
from redraft.models.source import fetch_dataset

PARTS = "alice/parts"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDRAFT_TASKS", str(Path(__file__).parents[1] / "core"))
    task = load_task("toy_task")
    options = task.options({})
    with DatasetWriter(tmp_path / "parts", task=task.name, revision=task.revision, options=options) as writer:
        for number, example in enumerate(task.generate(12, 0, options, Silent())):
            writer.add("train" if number < 9 else "validation", example)
    return tmp_path / "parts"


def test_a_pushed_dataset_is_the_same_dataset_again(hub: Hub, dataset: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", hub, TOKEN)
    value = machine.verb("data.push", {"dataset": str(dataset), "repo": PARTS})
    uploads = hub.uploads
    repo = hub.repos["datasets", PARTS]
    assert repo.private and value["url"].endswith(repo.commits[-1][0])
    machine.verb("data.push", {"dataset": str(dataset), "repo": PARTS})
    assert hub.uploads == uploads and len(repo.commits) == 1  # nothing was new
    with machine.here():
        back = Dataset.open(fetch_dataset(PARTS), load_task("toy_task"))
        assert back.folder.name == repo.commits[-1][0]
        assert back.fingerprint == value["fingerprint"] and back.counts == {"train": 9, "validation": 3}
        assert [e.answer for e in back.split("train")] == [e.answer for e in Dataset.open(dataset).split("train")]
    public = machine.verb("data.push", {"dataset": str(dataset), "repo": "alice/open", "public": True})
    assert public["repo"] == "alice/open" and not hub.repos["datasets", "alice/open"].private


@pytest.mark.parametrize(("token", "repo"), [(None, PARTS), (TOKEN, "bob/parts")])
def test_a_push_without_the_right_is_refused(
    hub: Hub, dataset: Path, tmp_path: Path, token: str | None, repo: str
) -> None:
    with pytest.raises(RedraftError, match="without the right to write") as refused:
        Machine(tmp_path / "machine", hub, token).verb("data.push", {"dataset": str(dataset), "repo": repo})
    assert "HF_TOKEN" in refused.value.remedy and not hub.objects


def test_a_repository_is_imported_as_a_stream(hub: Hub, dataset: Path, tmp_path: Path) -> None:
    """The datasets library reads from this hub, at a pinned commit, with columns of other names."""
    rows = [row for file in sorted(dataset.rglob("*.parquet")) for row in pq.read_table(file).to_pylist()]
    foreign = tmp_path / "foreign"
    (foreign / "data").mkdir(parents=True)
    columns = {"ask": ["What is it?"] * len(rows), "reply": [f"box {n}" for n, _ in enumerate(rows)]}
    pq.write_table(pa.table(columns), foreign / "data" / "train-00000-of-00001.parquet")
    commit = hub.add("bob/boxes", foreign, kind="datasets")
    hub.repo("bob/boxes", "datasets").commit({"data/train-00000-of-00001.parquet": b"newer and broken"})
    machine = Machine(tmp_path / "machine", hub)
    out = tmp_path / "imported"
    done = machine.run("data", "import", "huggingface", f"hf:bob/boxes@{commit}", out, "--column", "question=ask",
                       "--column", "answer=reply", "--json")  # fmt: skip
    assert json.loads(done.stdout)["counts"] == {"train": len(rows)}
    assert Dataset.open(out).split("train")[3].answer == "box 3"


def test_what_a_recipe_cannot_take_from_a_hub_is_said(hub: Hub, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", hub)
    hub.repo("bob/lines", "datasets").commit({"train.jsonl": b"{}"})
    hub.repo("bob/gone", "datasets", private=True).commit({"a.parquet": b""})
    with machine.here():
        with pytest.raises(InputError, match="no Parquet files") as refused:
            fetch_dataset("bob/lines")
        assert "redraft data import huggingface hf:bob/lines" in refused.value.remedy
        with pytest.raises(RedraftError, match="no dataset 'bob/gone' on the hub, or it is private"):
            fetch_dataset("bob/gone")
