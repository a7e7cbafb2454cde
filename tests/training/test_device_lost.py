"""A device that is lost in the middle of a run: the training goes on from its last checkpoint on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from redraft.core.discovery import load_task
from redraft.core.errors import WorkerLost
from redraft.core.work import Silent
from redraft.datasets.writer import DatasetWriter
from redraft.models.device_layer import ENVIRONMENT
from redraft.queue.recovering import RecoveringProcess
from redraft.training.device_loss import is_device_loss
from redraft.training.events import read
from redraft.worker.verbs.train import start
from toy_parts import SMALL

TASKS = Path(__file__).parents[1] / "core"


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset, a recipe that asks for Metal, and a machine that has it."""
    monkeypatch.setenv("REDRAFT_TASKS", str(TASKS))
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv(ENVIRONMENT, "metal_layer:Metal")
    monkeypatch.setenv("METAL_PROBE", "none")  # an older macOS takes Metal by name without it
    monkeypatch.setenv("METAL_MACOS", "15.6")
    task = load_task("toy_task")
    options = task.options({})
    with DatasetWriter(tmp_path / "data", task=task.name, revision=task.revision, options=options) as writer:
        for example in task.generate(16, 0, options, Silent()):
            writer.add("train", example)
    train = {"max_steps": 60, "epochs": 99, "batch_size": 2, "learning_rate": 2e-3, "threads": 1, "save_every": 24}
    recipe = {
        "task": "toy_task",
        "dataset": str(tmp_path / "data"),
        "device": "mps",
        "model": {"base": "tiny", "freeze": [], "options": {**SMALL, "dropout": 0.1}},
        "train": train,
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def request(ground: Path, run: str) -> dict[str, Any]:
    return {"recipe": str(ground / "recipe.yaml"), "overrides": [], "out": str(ground / run)}


def losses(run: Path) -> dict[int, float]:
    return {row["step"]: row["loss"] for row in read(run) if row["kind"] == "step"}


@pytest.mark.parametrize(("fault", "says"), [("lost", "SIGABRT"), ("error", "commit] failed")])
@pytest.mark.slow
def test_it_goes_on_from_the_last_checkpoint_on_the_cpu(
    ground: Path, monkeypatch: pytest.MonkeyPatch, fault: str, says: str
) -> None:
    monkeypatch.setenv("METAL", fault)
    process = RecoveringProcess("train", request(ground, "run"))
    logs = [event["message"] for event in process.events() if event["event"] == "log"]
    value = process.result().value
    assert value["status"] == "finished" and value["steps"] == 60
    assert any(says in line and "last checkpoint on the CPU" in line for line in logs)
    assert any("going on from step-48" in line for line in logs)
    run = ground / "run"
    assert [row["step"] for row in read(run) if row["kind"] == "resume"] == [48]

    # The device of this test computes as the CPU does, so an unbroken run on the CPU is what must come out.
    whole = start({**request(ground, "whole"), "device": "cpu"}, Silent()).value
    assert whole["steps"] == 60 and losses(run) == losses(ground / "whole")
    name = "checkpoints/step-60/model/model.safetensors"
    one, other = load_file(run / name), load_file(ground / "whole" / name)
    assert all(torch.equal(one[key], other[key]) for key in one | other)

    # Metal is not taken again on this system: the next run says why and begins on the CPU.
    work = Silent()
    start({**request(ground, "next"), "overrides": ["device=auto", "train.max_steps=1"]}, work)
    assert any("a run lost it" in line for line in work.logs)
    assert {"kind": "device", "device": "cpu"} in work.metrics


def test_it_falls_back_once(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METAL", "all lost")
    process = RecoveringProcess("train", request(ground, "run"))
    events = []
    with pytest.raises(WorkerLost, match="SIGABRT"):
        events.extend(process.events())
    values = [event["values"] for event in events if event["event"] == "metric"]
    assert [value["device"] for value in values if value["kind"] == "device"] == ["mps"]


def test_what_counts_as_a_lost_device() -> None:
    lost = [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("MPS: [MTLCommandBuffer commit] failed"),
        RuntimeError("NCCL error in: unhandled system error"),
    ]
    others: list[BaseException] = [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        ValueError("CUDA error"),
    ]
    assert all(is_device_loss(error) for error in lost)
    assert not any(is_device_loss(error) for error in others)
