"""A run that is killed anywhere goes on as if nothing had happened, bit by bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from killing import losses, same_checkpoint
from safetensors.torch import load_file, save_file
from toy_run import go

from redraft.core.errors import InputError, Interrupted, OutputError, Paused, UsageError
from redraft.core.recipe import Recipe
from redraft.core.work import Silent
from redraft.models.layout import verify
from redraft.training import checkpoint, run
from redraft.training.events import read
from redraft.training.resuming import check_recipe, say_differences
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


def killed_at(step: int, folder: Path, recipe: Recipe) -> None:
    """Begins the run, or goes on with it, in a process that shares nothing with this one and is killed."""
    model, settings = (json.dumps(part.model_dump(mode="json")) for part in (recipe.model, recipe.train))
    command = [sys.executable, str(PROGRAM), str(folder), "24", model, settings, str(step)]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("kind", "steps", "kills"),
    [
        ("full", 14, (8,)),
        pytest.param("lora", 30, (8, 19), marks=pytest.mark.slow),
        pytest.param("full", 200, (3, 40, 90, 150), marks=pytest.mark.slow),
        pytest.param("lora", 200, (3, 40, 90, 150), marks=pytest.mark.slow),
    ],
)
@pytest.mark.timeout(1800)
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
        killed_at(step, broken, recipe)
        assert not run.finished(broken)
    go(broken, recipe, 24)
    assert sum(row["kind"] == "resume" for row in read(broken)) >= len([step for step in kills if step > 6])
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


def damage(folder: Path, how: str) -> None:
    """Damages a checkpoint as disks, people and other programs do."""
    if how == "a flipped bit":
        path = folder / "model" / "model.safetensors"
        data = bytearray(path.read_bytes())
        data[-1000] ^= 1
        path.write_bytes(data)
    elif how == "a missing file":
        (folder / "model" / "config.json").unlink()
    elif how == "a missing tensor":
        path = folder / "model" / "model.safetensors"
        tensors = load_file(path)
        tensors.pop(sorted(tensors)[0])
        save_file(tensors, path, metadata={"format": "pt"})
    elif how == "a pickle":
        (folder / "model" / "model.safetensors").rename(folder / "model" / "pytorch_model.bin")
    elif how == "no manifest":
        (folder / "manifest.json").unlink()
    else:
        data = json.loads((folder / "manifest.json").read_text())
        data["files"]["state.json"] = 7
        (folder / "manifest.json").write_text(json.dumps(data))


DAMAGE = {
    "a flipped bit": "has changed or is cut",
    "a missing file": "is missing",
    "a missing tensor": "has changed or is cut",
    "a pickle": "is a pickle",
    "no manifest": "has no manifest",
    "a foreign manifest": "not a checkpoint's",
}


@pytest.fixture(scope="module")
def two_steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with checkpoints at steps 1 and 2."""
    folder = tmp_path_factory.mktemp("two") / "run"
    go(folder, toy_recipe(max_steps=2, epochs=9, save_every=1), 8)
    return folder


@pytest.mark.parametrize("how", DAMAGE)
def test_the_one_before_is_taken_and_the_damage_named(two_steps: Path, tmp_path: Path, how: str) -> None:
    folder, work = tmp_path / "run", Silent()
    shutil.copytree(two_steps, folder)
    damage(folder / "checkpoints" / "step-2", how)
    assert checkpoint.newest(folder, work) == folder / "checkpoints" / "step-1"
    assert "step-2 is passed over" in work.logs[-1] and DAMAGE[how] in work.logs[-1]
    damage(folder / "checkpoints" / "step-1", how)
    with pytest.raises(InputError, match="none of the run's 2 checkpoints is whole"):
        checkpoint.newest(folder, work)  # to begin again in silence would lose what the user thinks is there


def test_another_versions_checkpoint_is_not_passed_over(two_steps: Path, tmp_path: Path) -> None:
    shutil.copytree(two_steps, tmp_path / "run")
    path = tmp_path / "run" / "checkpoints" / "step-2" / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 9', 1))
    with pytest.raises(InputError, match="of format 9, and this version of redraft reads format 1"):
        checkpoint.newest(tmp_path / "run", Silent())


def test_damaged_checkpoints_do_not_count_as_kept(two_steps: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(two_steps, folder)
    shutil.copytree(folder / "checkpoints" / "step-2", folder / "checkpoints" / "step-3")
    damage(folder / "checkpoints" / "step-3", "a flipped bit")
    checkpoint.prune(folder, 2, None)
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == ["step-1", "step-2", "step-3"]
    checkpoint.prune(folder, 1, None)
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == ["step-2", "step-3"]


def test_a_checkpoint_of_another_recipe_is_refused(two_steps: Path) -> None:
    found, recipe = two_steps / "checkpoints" / "step-2", run.recipe_of(two_steps)
    work = Silent()
    check_recipe(found, recipe, work)
    free = recipe.train.model_copy(update={"save_every": 7, "workers": 5, "threads": 2})
    check_recipe(found, recipe.model_copy(update={"train": free, "output": "elsewhere"}), work)
    assert not work.logs
    same = recipe.train.model_copy(update={"gradient_checkpointing": True})
    check_recipe(found, recipe.model_copy(update={"train": same}), work)
    assert "train.gradient_checkpointing" in work.logs[-1] and "not bit for bit" in work.logs[-1]
    other = recipe.train.model_copy(update={"batch_size": 3, "learning_rate": 1.0})
    with pytest.raises(UsageError) as caught:
        check_recipe(found, recipe.model_copy(update={"train": other}), work)
    assert "train.batch_size is 3 and was 4; train.learning_rate is 1.0 and was 0.002" in caught.value.what


def test_what_changes_the_bits_is_said(two_steps: Path, tmp_path: Path) -> None:
    folder, work = tmp_path / "run", Silent()
    shutil.copytree(two_steps, folder)
    (folder / "result.json").unlink()
    shutil.rmtree(folder / "checkpoints" / "step-2")
    start = next(row for row in read(folder) if row["kind"] == "start")
    here = {"machine": dict(start["machine"]), "versions": dict(start["versions"])}
    assert say_differences(folder, here, work) == [] and not work.logs
    here["machine"]["cpu_capability"], here["versions"]["torch"] = "ALTIVEC", "1.0"
    was = start["machine"]["cpu_capability"]
    assert say_differences(folder, here, work)[0] == f"the CPU's instruction set ALTIVEC (was {was})"
    assert "not bit for bit" in work.logs[-1] and "torch 1.0" in work.logs[-1]
    changed = toy_recipe(max_steps=2, epochs=9, save_every=1, threads=2)
    go(folder, changed, 8, work=work)
    resumed = next(row for row in read(folder) if row["kind"] == "resume")
    assert resumed["differs"] == ["threads 2 (was 1)"]
    assert any("not bit for bit" in line and "threads 2 (was 1)" in line for line in work.logs)


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
    assert run.result_of(folder)["reason"] == "asked to stop"
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
        with pytest.raises(Paused, match="File too large") as caught:
            go(folder, recipe, 12, work=Filling())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert f"--resume {folder}" in caught.value.remedy
    assert [p.name for p in (folder / "checkpoints").iterdir()] == ["step-4"]
    result = run.result_of(folder)
    assert result["status"] == "paused" and "File too large" in result["reason"]
    assert result["checkpoint"] == "checkpoints/step-4"
    assert go(folder, recipe, 12)["steps"] == 8


def test_what_a_killed_beginning_leaves_is_as_good_as_empty(tmp_path: Path) -> None:
    (tmp_path / ".recipe.yaml.abc.tmp").write_text("half")
    run.begin(tmp_path, toy_recipe())
    assert run.is_run(tmp_path)


def test_a_run_does_not_begin_in_a_full_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        run.begin(tmp_path, toy_recipe())
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_recipe_comes_back_whole(tmp_path: Path) -> None:
    recipe = toy_recipe(betas=[0.9, 0.95], max_minutes=3)
    run.begin(tmp_path / "run", recipe)
    assert run.recipe_of(tmp_path / "run") == recipe
