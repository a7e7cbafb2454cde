"""The verb "train" on a task of its own: from a recipe to a finished run with its report, and on again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from redraft.core.discovery import load_task
from redraft.core.errors import RedraftError, UsageError
from redraft.core.work import Silent
from redraft.datasets.writer import DatasetWriter
from redraft.models.load import load_checkpoint
from redraft.worker.verbs.train import start
from toy_parts import SMALL

TASKS = Path(__file__).parents[1] / "core"


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a dataset of the toy task and a recipe for it."""
    monkeypatch.setenv("REDRAFT_TASKS", str(TASKS))
    make_dataset(tmp_path / "data", seed=0)
    recipe = {
        "task": "toy_task",
        "dataset": str(tmp_path / "data"),
        "model": {"base": "tiny", "freeze": [], "options": SMALL},
        "train": {"max_steps": 4, "batch_size": 4, "learning_rate": 2e-3, "threads": 1, "save_every": 2},
        "evaluate": {"limit": 3, "max_new_tokens": 4, "batch_size": 3},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def make_dataset(folder: Path, seed: int) -> None:
    task = load_task("toy_task")
    options = task.options({})
    with DatasetWriter(folder, task=task.name, revision=task.revision, options=options) as writer:
        for number, example in enumerate(task.generate(20, seed, options, Silent())):
            writer.add("train" if number < 16 else "validation", example)


def request(ground: Path, *overrides: str) -> dict[str, Any]:
    return {"recipe": str(ground / "recipe.yaml"), "overrides": overrides, "out": str(ground / "run")}


def test_from_a_recipe_to_a_report_and_a_finished_run(ground: Path) -> None:
    value = start(request(ground), Silent()).value
    run = ground / "run"
    assert value["status"] == "finished" and value["steps"] == 4
    assert value["scores"]["examples"] == 3 and "loss_shuffled" in value["scores"]
    assert {p.name for p in (run / "samples").iterdir()} == {"step-0", "step-4"}
    assert (run / "report.html").stat().st_size > 5_000 and value["report"] == str(run / "report.html")
    assert load_checkpoint(run).family == "paligemma"
    manifest = json.loads((run / "checkpoints" / "step-4" / "manifest.json").read_text())
    assert manifest["dataset"]["fingerprint"].startswith("sha256:") and manifest["base"]["name"] == "tiny"

    work = Silent()
    again = start({"resume": str(run)}, work)
    assert again.exit_code == 0 and again.value["steps"] == 4
    assert any("finished already" in line for line in work.logs)


def test_without_a_checkpoint_it_starts_at_step_0(ground: Path) -> None:
    start(request(ground), Silent())
    run = ground / "run"
    shutil.rmtree(run / "checkpoints")
    (run / "result.json").unlink()
    work = Silent()
    value = start({"resume": str(run)}, work).value
    assert value["steps"] == 4 and any("starts at step 0" in line for line in work.logs)


def test_a_changed_dataset_is_refused(ground: Path) -> None:
    start(request(ground), Silent())
    (ground / "run" / "result.json").unlink()
    shutil.rmtree(ground / "data")
    make_dataset(ground / "data", seed=5)
    with pytest.raises(UsageError, match="dataset has changed"):
        start({"resume": str(ground / "run")}, Silent())


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("dataset=nowhere", "no dataset folder"),
        ("task=cad", "made for the task 'toy_task'"),
        ("model={base: nowhere}", "no model folder"),
        ("train.max_length=7", "above the limit of 7"),
        ("model.freeze=[vision]", "never see"),
        ("train.bach_size=3", "batch_size"),
    ],
)
def test_what_cannot_work_is_said_before_a_run_is_made(ground: Path, override: str, says: str) -> None:
    with pytest.raises(RedraftError) as caught:
        start(request(ground, override), Silent())
    assert says in str(caught.value) and caught.value.remedy
    assert not (ground / "run" / "checkpoints").exists() or "limit" in says


def test_a_run_is_not_overwritten(ground: Path) -> None:
    start(request(ground, "train.max_steps=1", "evaluate.split=none"), Silent())
    before = (ground / "run" / "events.jsonl").read_bytes()
    with pytest.raises(RedraftError, match="--resume"):
        start(request(ground), Silent())
    assert (ground / "run" / "events.jsonl").read_bytes() == before
