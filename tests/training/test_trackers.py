"""Trackers: told of steps and evaluations, refused before a run where they are not there, never in its way."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from tensorboardX.proto.event_pb2 import Event
from toy_run import go

from redraft.core.errors import RecipeError
from redraft.core.work import Silent
from redraft.training.events import read
from redraft.training.trackers import check_trackers
from toy_parts import toy_recipe


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows, from its files of records: length, its checksum, data, its checksum."""
    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(folder.glob("*tfevents*")):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (length,) = struct.unpack_from("<Q", data, place)
            event = Event.FromString(data[place + 12 : place + 12 + length])
            place += 16 + length
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def evaluate(step: int) -> dict[str, Any]:
    return {"mean": step / 10, "examples": 2, "says": ["text is no figure"], "parts": {"valid": 0.5}}


def test_tensorboard_shows_the_events(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    go(folder, toy_recipe(max_steps=4, epochs=9, evaluate_every=2, trackers=["tensorboard"]), 12, evaluate)
    shown = scalars(folder / "tensorboard")
    steps = [row for row in read(folder) if row["kind"] == "step"]
    assert shown["train/loss"] == [(row["step"], pytest.approx(row["loss"], rel=1e-6)) for row in steps]
    assert [step for step, _ in shown["train/learning_rate"]] == [1, 2, 3, 4]
    assert shown["evaluation/mean"] == [(0, 0.0), (2, pytest.approx(0.2)), (4, pytest.approx(0.4))]
    assert "evaluation/parts.valid" in shown and not any("says" in name for name in shown)
    settings = next((folder / "tensorboard").rglob("hparams.yml")).read_text()
    assert "train.batch_size: 4" in settings and "task: toy" in settings


def test_a_resumed_run_goes_on_where_it_was_shown(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    recipe = toy_recipe(max_steps=4, epochs=9, save_every=2, trackers=["tensorboard"])
    go(folder, recipe, 12)
    for path in (folder / "result.json", folder / "checkpoints" / "step-4" / "manifest.json"):
        path.unlink()
    go(folder, recipe, 12)
    assert {step for step, _ in scalars(folder / "tensorboard")["train/loss"]} == {1, 2, 3, 4}
    assert len(list((folder / "tensorboard").rglob("hparams.yml"))) == 1


def test_one_that_is_not_installed_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    check_trackers(("tensorboard",))
    monkeypatch.setattr("accelerate.tracking.get_available_trackers", lambda: ["tensorboard"])
    with pytest.raises(RecipeError, match="mlflow and wandb are not installed") as caught:
        check_trackers(("tensorboard", "mlflow", "wandb"))
    assert "pip install mlflow wandb" in caught.value.remedy and caught.value.where == "train.trackers"


def test_one_that_fails_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    """Its folder is a file: nothing can be written there."""
    folder, work = tmp_path / "run", Silent()
    recipe = toy_recipe(max_steps=3, epochs=9, trackers=["tensorboard"])
    from redraft.training import run

    run.begin(folder, recipe)
    (folder / "tensorboard").write_text("in the way")
    result = go(folder, recipe, 12, work=work)
    assert result["status"] == "finished" and result["steps"] == 3
    assert len([line for line in work.logs if "tensorboard is left out from here on" in line]) == 1


def test_one_that_fails_in_the_middle_is_left_out_from_there_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accelerate.tracking import TensorBoardTracker

    log = TensorBoardTracker.log

    def failing(self: Any, values: dict[str, Any], step: int | None = None, **more: Any) -> None:
        if step == 2:
            raise ConnectionError("the server has gone")
        log(self, values, step, **more)

    monkeypatch.setattr(TensorBoardTracker, "log", failing)
    folder, work = tmp_path / "run", Silent()
    result = go(folder, toy_recipe(max_steps=4, epochs=9, trackers=["tensorboard"]), 12, work=work)
    assert result["steps"] == 4 and [step for step, _ in scalars(folder / "tensorboard")["train/loss"]] == [1]
    assert len([line for line in work.logs if "the server has gone" in line]) == 1
