"""`redraft db sync`: what lies in folders is entered once, followed, and never changed or lost in silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lying_folders import make_dataset, make_run
from redraft.core.errors import UsageError
from redraft.state.database import Database
from redraft.state.places import new_id
from redraft.state.sync import sync
from redraft.state.tables import Checkpoint, Dataset, Evaluation, Job, Model, Run


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset, a run on it, and a model (the run's last checkpoint, as anybody may copy it)."""
    folder = tmp_path_factory.mktemp("originals")
    make_dataset(folder / "plates")
    make_run(folder / "first", folder / "plates")
    shutil.copytree(folder / "first" / "checkpoints" / "step-2" / "model", folder / "mine")
    (folder / "mine" / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    return folder


@pytest.fixture
def work(originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that a test may change, and an empty cache of the hub's client."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return Path(shutil.copytree(originals, tmp_path / "work"))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_that_lies_there_is_entered_and_nothing_is_changed(database: Database, work: Path) -> None:
    before = content(work)
    found = sync(database, [work]).as_data()
    assert content(work) == before
    assert (found["datasets"], found["runs"], found["models"]) == tuple([{"new": 1, "known": 0, "missing": 0}] * 3)
    assert found["left_out"] == [] and found["catalogue"] == 0
    with database.read() as session:
        dataset, run = session.scalars(select(Dataset)).one(), session.scalars(select(Run)).one()
        rows = session.scalars(select(Checkpoint).order_by(Checkpoint.step)).all()
        model = session.scalars(select(Model).where(Model.name == "mine")).one()
    manifest = json.loads((work / "plates" / "manifest.json").read_text())
    assert (dataset.name, dataset.task, dataset.status, dataset.origin) == ("plates", "cad", "ready", "found")
    assert dataset.counts == {"train": 6, "validation": 2} and dataset.licence == "MIT"
    assert dataset.bytes == sum(file["bytes"] for file in manifest["files"]) > 0
    assert dataset.about["seed"] == 3 and dataset.about["options"] == {"grid": 64}
    assert dataset.about["left_out"] == {"count": 1, "reasons": {"too large": 1}}
    assert (run.name, run.base, run.status, run.steps) == ("first", "tiny", "finished", 2)
    assert run.dataset_id == dataset.id
    assert run.result is not None and run.result["train_loss"] > 0
    assert [(row.step, row.path, row.latest) for row in rows] == [
        (1, "checkpoints/step-1", False),
        (2, "checkpoints/step-2", True),
    ]
    last = json.loads((work / "first/checkpoints/step-2/manifest.json").read_text())["files"]
    assert rows[1].bytes == sum(file["bytes"] for file in last.values())
    assert (model.kind, model.status, model.licence, model.family) == (
        "imported",
        "ready",
        "cc-by-4.0",
        "paligemma",
    )
    assert model.parameters and model.bytes and model.bytes >= 2 * model.parameters


def all_rows(session: Session) -> list[tuple[object, ...]]:
    tables = (Dataset, Run, Model, Checkpoint)
    return [tuple(row) for table in tables for row in session.execute(select(table.__table__).order_by(table.id))]


def test_a_second_time_changes_nothing(database: Database, work: Path) -> None:
    sync(database, [work])
    with database.read() as session:
        first = all_rows(session)
    found = sync(database, [work, work / "plates"]).as_data()
    assert (found["datasets"], found["runs"], found["models"]) == tuple([{"new": 0, "known": 1, "missing": 0}] * 3)
    with database.read() as session:
        assert first == all_rows(session)


def test_what_goes_is_missing_and_ready_again_when_it_is_back(
    database: Database, work: Path, tmp_path: Path
) -> None:
    sync(database, [work])
    for name in ("plates", "first", "mine"):
        (work / name).rename(tmp_path / name)
    found = sync(database).as_data()
    assert [found[kind]["missing"] for kind in ("datasets", "runs", "models")] == [1, 1, 1]
    with database.read() as session:
        for table in (Dataset, Run, Model):
            assert session.scalars(select(table.status).where(table.folder.is_not(None))).all() == ["missing"]
    assert sync(database).as_data()["datasets"]["missing"] == 0, "it is said once"
    for name in ("plates", "first", "mine"):
        (tmp_path / name).rename(work / name)
    sync(database, [work])
    with database.read() as session:
        assert session.scalars(select(Dataset.status)).all() == ["ready"]
        assert session.scalars(select(Run.status)).all() == ["finished"]
        assert session.scalars(select(Model.status).where(Model.name == "mine")).all() == ["ready"]


def test_a_lost_database_comes_back_with_its_ids(sqlite_database: Database, work: Path, state_home: Path) -> None:
    id = new_id("data")
    shutil.copytree(work / "plates", state_home / "datasets" / id)
    sync(sqlite_database)
    with sqlite_database.read() as session:
        row = session.scalars(select(Dataset)).one()
    assert row.id == id and row.name == row.about["title"] != ""


def test_pruned_checkpoints_are_marked_and_new_ones_entered(sqlite_database: Database, work: Path) -> None:
    sync(sqlite_database, [work])
    shutil.rmtree(work / "first" / "checkpoints" / "step-1")
    shutil.copytree(work / "first" / "checkpoints" / "step-2", work / "first" / "checkpoints" / "step-9")
    shutil.copytree(work / "first" / "checkpoints" / "step-2", work / "first" / "checkpoints" / "step-10")
    (work / "first" / "checkpoints" / "step-10" / "manifest.json").unlink()  # never finished
    (work / "first" / "result.json").unlink()
    sync(sqlite_database, [work])
    with sqlite_database.read() as session:
        rows = session.execute(
            select(Checkpoint.step, Checkpoint.removed, Checkpoint.latest).order_by(Checkpoint.step)
        )
        assert [tuple(row) for row in rows] == [(1, True, False), (2, False, False), (9, False, True)]
        run = session.scalars(select(Run)).one()
    assert (run.status, run.steps, run.result) == ("paused", 9, None)


def test_evaluations_of_a_run_are_entered_once(sqlite_database: Database, work: Path) -> None:
    fingerprint = json.loads((work / "plates" / "manifest.json").read_text())["fingerprint"]
    place = work / "first" / "evaluations" / "test"
    place.mkdir(parents=True)
    scores = {"model": "first, step 2", "split": "test", "mean": 0.5, "fingerprint": fingerprint, "dataset": "/x"}
    (place / "evaluation.json").write_text(json.dumps(scores))
    sync(sqlite_database, [work])
    (place / "evaluation.json").write_text(json.dumps(scores | {"mean": 0.75}))
    sync(sqlite_database, [work])
    with sqlite_database.read() as session:
        row, dataset = session.scalars(select(Evaluation)).one(), session.scalars(select(Dataset)).one()
    assert (row.split, row.scores["mean"], row.dataset_id) == ("test", 0.75, dataset.id)
    assert "dataset" not in row.scores, "a path of this machine"


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("plates/manifest.json", "{", "its manifest.json cannot be read"),
        ("plates/manifest.json", '{"kind": "redraft dataset"}', "its manifest is not whole (KeyError: 'files')"),
        ("plates/manifest.json", '{"kind": "redraft dataset", "files": 3}', "its manifest is not whole"),
        ("first/recipe.yaml", "- a\n- b\n", "its recipe.yaml holds no keys"),
        ("first/recipe.yaml", "a: [\n", "its recipe.yaml cannot be read"),
        ("first/result.json", "[]", "its result.json holds no object"),
        ("first/checkpoints/step-2/manifest.json", "no", "its manifest.json cannot be read"),
        ("mine/config.json", "{" * 100_000, "its config.json cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said_and_the_rest_is_entered(
    sqlite_database: Database, work: Path, file: str, text: str, reason: str
) -> None:
    (work / file).write_text(text)
    found = sync(sqlite_database, [work]).as_data()
    (fault,) = found["left_out"]
    assert fault["reason"].startswith(reason) and fault["folder"] == str(work / file.split("/")[0])
    assert sum(found[kind]["new"] for kind in ("datasets", "runs", "models")) == 2


def test_a_cut_dataset_is_not_ready(sqlite_database: Database, work: Path) -> None:
    shard = next((work / "plates" / "data").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1])
    (fault,) = sync(sqlite_database, [work]).as_data()["left_out"]
    assert fault["reason"] == f"its file data/{shard.name} is missing or cut"


def test_a_manifest_cannot_name_files_elsewhere(sqlite_database: Database, work: Path) -> None:
    path = work / "plates" / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in ("../mine/config.json", "/etc/passwd"):
        path.write_text(json.dumps(manifest | {"files": [*manifest["files"], {"path": name, "bytes": 1}]}))
        (fault,) = sync(sqlite_database, [work]).as_data()["left_out"]
        assert fault["reason"] == "its manifest names a file outside of it"


def test_what_a_job_makes_is_left_to_it(sqlite_database: Database, work: Path) -> None:
    folder = str(work / "plates")
    with sqlite_database.write() as session:
        session.add(Job(id="job-1", kind="generate", payload={}, created_at=1.0, updated_at=1.0))
        session.add(
            Dataset(id="data-1", name="mine", folder=folder, status="making", job_id="job-1", created_at=1.0)
        )
        lost = str(work / "not-there-yet")
        session.add(
            Dataset(id="data-2", name="next", folder=lost, status="making", job_id="job-1", created_at=1.0)
        )
    sync(sqlite_database, [work])
    with sqlite_database.read() as session:
        assert session.scalars(select(Dataset.status).order_by(Dataset.id)).all() == ["making", "making"]
    with sqlite_database.write() as session:
        session.execute(update(Job).values(state="cancelled"))
    sync(sqlite_database, [work])
    with sqlite_database.read() as session:
        rows = session.execute(select(Dataset.name, Dataset.status).order_by(Dataset.id)).all()
    assert [tuple(row) for row in rows] == [("mine", "ready"), ("next", "missing")]


def test_a_pulled_model_is_ready_and_known_again_without_its_files(
    sqlite_database: Database, work: Path, tmp_path: Path
) -> None:
    repo = tmp_path / "hub" / "models--Qwen--Qwen3-VL-2B-Instruct"
    other = tmp_path / "hub" / "models--some--thing"
    for place in (repo, other):
        shutil.copytree(work / "mine", place / "snapshots" / "abc123")
    (repo / "snapshots" / "cut").mkdir()
    (repo / "snapshots" / "cut" / "config.json").write_text("{}")
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc123")
    assert sync(sqlite_database).as_data()["models"] == {"new": 1, "known": 1, "missing": 0}
    with sqlite_database.read() as session:
        row = session.get_one(Model, "model-qwen3-vl-2b-instruct")
        assert (row.status, row.revision, row.kind, row.licence) == ("ready", "abc123", "base", "cc-by-4.0")
        assert row.about["memory_to_train"]["lora"] > 0
        assert session.scalars(select(Model.status).where(Model.name == "hf:some/thing")).all() == ["ready"]
    shutil.rmtree(tmp_path / "hub")
    assert sync(sqlite_database).as_data()["models"]["missing"] == 2
    with sqlite_database.read() as session:
        assert session.get_one(Model, "model-qwen3-vl-2b-instruct").status == "known"
        assert session.scalars(select(Model.status).where(Model.name == "hf:some/thing")).all() == ["missing"]


def test_models_of_one_name_get_names_of_their_own(sqlite_database: Database, work: Path) -> None:
    shutil.copytree(work / "mine", work / "other" / "mine")
    sync(sqlite_database, [work])
    with sqlite_database.read() as session:
        names = session.scalars(select(Model.name).where(Model.kind == "imported").order_by(Model.name)).all()
    assert names == ["mine", "mine-2"]


def test_a_folder_that_is_not_there(sqlite_database: Database, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        sync(sqlite_database, [tmp_path / "nothing"])


def test_links_and_hidden_folders_are_passed_over(sqlite_database: Database, work: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "link").symlink_to(work / "plates")
    (shelf / "round").symlink_to(shelf)
    shutil.copytree(work / "plates", shelf / ".plates.abc.tmp")
    assert sync(sqlite_database, [shelf]).as_data()["datasets"]["new"] == 0
