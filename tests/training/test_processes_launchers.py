"""torchrun and `accelerate launch` on the command line itself: two processes, one voice, one run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_train_verb import TASKS, make_dataset

from redraft.core.work import Silent
from redraft.training.events import read
from redraft.worker.verbs.train import start
from toy_parts import SMALL

BIN = Path(sys.executable).parent
TORCHRUN = [str(BIN / "torchrun"), "--nproc-per-node", "2", "-m", "redraft"]
ACCELERATE = [str(BIN / "accelerate"), "launch", "--multi_gpu", "--num_processes", "2", "-m", "redraft"]


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDRAFT_TASKS", str(TASKS))
    make_dataset(tmp_path / "data", seed=0)
    recipe = {
        "task": "toy_task",
        "dataset": str(tmp_path / "data"),
        "device": "cpu",
        "model": {"base": "tiny", "freeze": [], "options": SMALL},
        "train": {"max_steps": 4, "epochs": 9, "batch_size": 3, "accumulate": 3, "threads": 1, "save_every": 2},
        "evaluate": {"limit": 2, "max_new_tokens": 2},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def launched(command: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=280, env=environment)


def losses(folder: Path) -> list[float]:
    return [row["loss"] for row in read(folder) if row["kind"] == "step"]


@pytest.mark.slow
@pytest.mark.parametrize("command", [TORCHRUN, ACCELERATE])
def test_a_launcher_makes_one_run_with_one_voice(ground: Path, command: list[str]) -> None:
    request: dict[str, Any] = {"recipe": str(ground / "recipe.yaml"), "out": str(ground / "one")}
    start(request, Silent())
    done = launched(command, "train", str(ground / "recipe.yaml"), "--out", str(ground / "two"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("finished after 4 steps") == 1
    assert done.stderr.count("training 4/4") == 1
    assert losses(ground / "two") == pytest.approx(losses(ground / "one"), rel=1e-5)
    begun = next(row for row in read(ground / "two") if row["kind"] == "start")
    assert begun["processes"] == {"count": 2, "parallel": "ddp"}
    assert (ground / "two" / "report.html").is_file()


@pytest.mark.slow
def test_a_mistake_is_told_once(ground: Path) -> None:
    done = launched(
        TORCHRUN, "train", str(ground / "recipe.yaml"), "dataset=nowhere", "--out", str(ground / "run")
    )
    assert done.returncode != 0 and done.stderr.count("there is no dataset folder 'nowhere'") == 1
    assert not (ground / "run").exists()
    done = launched(TORCHRUN, "train", str(ground / "recipe.yaml"), "train.epoch=2")
    assert done.stderr.count("there is no key 'train.epoch'") == 1


@pytest.mark.slow
def test_asked_to_end_the_launcher_saves_once_and_the_run_goes_on(ground: Path) -> None:
    settings = ["train.max_steps=80", "train.epochs=999", "train.save_every=1000"]
    run = ground / "run"
    process = subprocess.Popen(
        [*TORCHRUN, "train", str(ground / "recipe.yaml"), *settings, "--out", str(run)],
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and len(losses(run)) < 3:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=200)[1]
    assert said.count("stopped and saved at step") == 1, said
    saved = sorted((run / "checkpoints").iterdir())
    assert len(saved) == 1 and json.loads((run / "result.json").read_text())["status"] == "paused"
    step = int(saved[0].name.removeprefix("step-"))
    done = launched(TORCHRUN, "train", "--resume", str(run))
    assert done.returncode == 0 and "finished after 80 steps" in done.stdout, done.stderr
    assert step < 80 and len(losses(run)) == 80
