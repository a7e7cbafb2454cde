"""Ends a run by SIGKILL at a step, and compares what came of it with an unbroken run."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from redraft.core.work import Silent
from redraft.training.events import read


def losses(folder: Path) -> list[tuple[int, float]]:
    return [(row["step"], row["loss"]) for row in read(folder) if row["kind"] == "step"]


class Killed(Silent):
    """Ends its own process by SIGKILL once this step is done: nothing is put in order."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def progress(self, stage: str, done: int, total: int | None = None, note: str = "") -> None:
        if stage == "training" and done == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def same_checkpoint(a: Path, b: Path) -> None:
    """The same names, the same bits: weights, optimiser moments, random states; the same place in the data."""
    weights = sorted(path.name for path in (a / "model").glob("*.safetensors"))
    assert weights and weights == sorted(path.name for path in (b / "model").glob("*.safetensors"))
    for name in [*(f"model/{file}" for file in weights), "training.safetensors"]:
        one, other = load_file(a / name), load_file(b / name)
        assert one.keys() == other.keys()
        assert [key for key in one if one[key].dtype != other[key].dtype] == []
        assert [key for key in one if not torch.equal(one[key], other[key])] == []
    keys = ("step", "examples", "epoch", "seed")
    left, right = (state(folder) for folder in (a, b))
    assert {key: left[key] for key in keys} == {key: right[key] for key in keys}


def state(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "state.json").read_text())
    return data
