"""A run that is killed anywhere goes on as if nothing had happened, bit by bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from toy_run import go

from redraft.core.errors import InputError, Interrupted, OutputError
from redraft.core.recipe import Recipe
from redraft.core.work import Silent
from redraft.models.layout import verify
from redraft.training import checkpoint, run
from redraft.training.events import read
from toy_parts import SMALL, toy_recipe

PROGRAM = Path(__file__).with_name("toy_run.py")
TRAIN = {
    "batch_size": 2,
    "accumulate": 2,
    "learning_rate": 2e-3,
    "threads": 1,
    "epochs": 1000,
    "save_every": 6,
    "group_by_length": True,
}


def losses(folder: Path) -> list[tuple[int, float]]:
    return [(row["step"], row["loss"]) for row in read(folder) if row["kind"] == "step"]


def start(folder: Path, recipe: Recipe) -> subprocess.Popen[bytes]:
    model, settings = (json.dumps(part.model_dump(mode="json")) for part in (recipe.model, recipe.train))
    command = [sys.executable, str(PROGRAM), str(folder), "24", model, settings]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def kill_at(process: subprocess.Popen[bytes], folder: Path, step: int) -> None:
    """SIGKILL as soon as the run's events tell of this step."""
    deadline = time.monotonic() + 200
    while not any(done >= step for done, _ in losses(folder)):
        assert process.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < deadline, "the run takes too long"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def same_checkpoint(a: Path, b: Path) -> None:
    weights = [
        name for name in ("model.safetensors", "adapter_model.safetensors") if (a / "model" / name).exists()
    ]
    assert weights
    for name in [f"model/{weights[0]}", "training.safetensors"]:
        one, other = load_file(a / name), load_file(b / name)
        assert one.keys() == other.keys()
        assert [key for key in one if not torch.equal(one[key], other[key])] == []
    left, right = (json.loads((folder / "state.json").read_text()) for folder in (a, b))
    assert {k: left[k] for k in ("step", "examples", "epoch", "seed")} == {
        k: right[k] for k in ("step", "examples", "epoch", "seed")
    }


@pytest.mark.parametrize(
    ("kind", "steps", "kills"),
    [
        ("full", 30, (3, 8, 19)),
        ("lora", 30, (8, 19)),
        pytest.param("full", 200, (3, 40, 90, 150), marks=pytest.mark.slow),
        pytest.param("lora", 200, (3, 40, 90, 150), marks=pytest.mark.slow),
    ],
)
def test_killed_again_and_again_and_bit_equal(
    kind: str, steps: int, kills: tuple[int, ...], tmp_path: Path, toy_base: Path
) -> None:
    model: dict[str, Any] = {"base": "tiny", "freeze": [], "options": {**SMALL, "dropout": 0.1}}
    if kind == "lora":
        model = {"base": str(toy_base), "adapter": {"r": 4, "dropout": 0.2, "targets": ["c_attn", "c_fc"]}}
    recipe = toy_recipe(model, **TRAIN, max_steps=steps)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    go(whole, recipe, 24)
    for step in kills:
        kill_at(start(broken, recipe), broken, step)
        assert not run.finished(broken)
    go(broken, recipe, 24)
    assert sum(row["kind"] == "resume" for row in read(broken)) >= 2
    assert losses(broken) == losses(whole) and len(losses(whole)) == steps
    same_checkpoint(whole / "checkpoints" / f"step-{steps}", broken / "checkpoints" / f"step-{steps}")


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    recipe, folder, work = toy_recipe(max_steps=9, epochs=99, save_every=3, keep=3), tmp_path / "run", Silent()
    go(folder, recipe, 12)
    newest = folder / "checkpoints" / "step-9" / "training.safetensors"
    newest.write_bytes(newest.read_bytes()[:-100] + bytes(100))
    with pytest.raises(InputError, match="has changed or is cut"):
        verify(newest.parent)
    assert checkpoint.newest(folder, work) == folder / "checkpoints" / "step-6"
    assert "step-9 is passed over: training.safetensors has changed" in work.logs[-1]
    before = losses(folder)
    shutil.rmtree(folder / "checkpoints" / "step-3")
    go(folder, recipe, 12)
    assert losses(folder) == before
    verify(folder / "checkpoints" / "step-9")


def test_remains_of_a_save_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    go(folder, toy_recipe(max_steps=2, epochs=9), 8)
    left = folder / "checkpoints" / ".step-5.123.tmp"
    left.mkdir()
    assert checkpoint.newest(folder, Silent()) == folder / "checkpoints" / "step-2"
    assert not left.exists()


def test_asked_to_stop_it_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    recipe, folder = toy_recipe(max_steps=40, epochs=999), tmp_path / "run"

    class Stopping(Silent):
        def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
            if stage == "training" and done == 5:
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match="saved at step 5") as caught:
        go(folder, recipe, 12, work=Stopping())
    assert "--resume" in caught.value.remedy
    assert run.result_of(folder)["status"] == "paused" and not run.finished(folder)
    result = go(folder, recipe, 12)
    assert result["status"] == "finished" and result["steps"] == 40
    go(tmp_path / "whole", recipe, 12)
    assert losses(folder) == losses(tmp_path / "whole")


def test_a_disk_that_is_full_leaves_the_last_good(tmp_path: Path) -> None:
    """A limit on the size of files makes the second save fail in the middle, as a full disk would."""
    resource = pytest.importorskip("resource")
    recipe, folder = toy_recipe(max_steps=8, epochs=99, save_every=4), tmp_path / "run"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    class Filling(Silent):
        def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
            if stage == "training" and done == 6:
                resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))

    try:
        with pytest.raises(OutputError):
            go(folder, recipe, 12, work=Filling())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert [p.name for p in (folder / "checkpoints").iterdir()] == ["step-4"]
    assert go(folder, recipe, 12)["steps"] == 8


def test_a_run_does_not_begin_in_a_full_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        run.begin(tmp_path, toy_recipe())
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_recipe_comes_back_whole(tmp_path: Path) -> None:
    recipe = toy_recipe(betas=[0.9, 0.95], max_minutes=3)
    run.begin(tmp_path / "run", recipe)
    assert run.recipe_of(tmp_path / "run") == recipe
