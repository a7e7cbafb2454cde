"""Ends a run by SIGKILL at a step, and compares what came of it with an unbroken run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from redraft.training.events import read


def losses(folder: Path) -> list[tuple[int, float]]:
    return [(row["step"], row["loss"]) for row in read(folder) if row["kind"] == "step"]


def kill_at(process: subprocess.Popen[bytes] | BaseProcess, folder: Path, step: int) -> None:
    """SIGKILL as soon as the run's events tell of this step."""
    deadline = time.monotonic() + 280
    while not any(done >= step for done, _ in losses(folder)):
        assert _code(process) is None, "the run ended before it was killed"
        assert time.monotonic() < deadline, "the run takes too long"
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    if isinstance(process, BaseProcess):
        process.join()
    else:
        process.wait()
    assert _code(process) == -signal.SIGKILL, "the run ended before it was killed"


def _code(process: subprocess.Popen[bytes] | BaseProcess) -> int | None:
    return process.exitcode if isinstance(process, BaseProcess) else process.poll()


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
