"""Metal is tried out in a child process before anything is trained on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from metal_layer import Metal

from redraft.core.errors import RecipeError
from redraft.core.work import Silent
from redraft.models.device import choose, choose_device
from redraft.models.device_layer import ENVIRONMENT, device_layer
from redraft.models.mps import check_mps_stability, remember_loss, verdicts_file
from redraft.training.device import fit_precision
from redraft.training.mps_memory import MPSMemoryCallback
from redraft.worker.verbs.doctor import report


@pytest.fixture
def metal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Metal:
    """A layer with Metal, in this process and in the probe's."""
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(ENVIRONMENT, "metal_layer:Metal")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.delenv("METAL", raising=False)
    layer = device_layer()
    assert isinstance(layer, Metal)
    layer.tries, layer.in_use = 0, "cpu"
    return layer


def test_the_probe_passes_and_the_verdict_is_kept(metal: Metal, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = check_mps_stability(layer=metal)
    assert verdict and "CPU's numbers" in verdict.reason and metal.tries == 1
    assert check_mps_stability(layer=metal) == verdict and metal.tries == 1
    assert choose("auto").name == choose("mps").name == "mps" and metal.tries == 1
    kept = json.loads(verdicts_file().read_text())
    assert list(kept) == [f"macOS 26.1 (test), torch {torch.__version__}"]

    monkeypatch.setenv("METAL_MACOS", "26.2")  # another build: the old verdict says nothing about it
    monkeypatch.setenv("METAL_PROBE", "none")
    assert check_mps_stability(layer=metal).stable is None and metal.tries == 2
    assert json.loads(verdicts_file().read_text()) == kept


@pytest.mark.parametrize("content", ['{"x": 1', '{"x": 1}'])
def test_foreign_verdicts_are_no_verdicts(metal: Metal, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setenv("METAL_PROBE", "none")
    verdicts_file().parent.mkdir(parents=True)
    verdicts_file().write_text(content)
    assert check_mps_stability(layer=metal).stable is None and metal.tries == 1


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("aborts", "SIGABRT"),
        ("wrong", "other numbers"),
        pytest.param("fails", "a kernel is missing", marks=pytest.mark.slow),
        ("hangs", "hang"),
    ],
)
def test_what_the_probe_finds(metal: Metal, monkeypatch: pytest.MonkeyPatch, fault: str, says: str) -> None:
    monkeypatch.setenv("METAL", fault)
    verdict = check_mps_stability(layer=metal, seconds=2 if fault == "hangs" else 120)
    assert verdict.stable is False and says in verdict.reason
    assert choose("auto").name == "cpu" and metal.tries == 1  # the kept verdict answers
    choice = choose("mps")
    assert choice.name == "cpu" and "macOS 26.1" in choice.why and says in choice.why


@pytest.mark.parametrize(
    ("macos", "asked", "gets"),
    [("15.6", "mps", "mps"), ("15.6", "auto", "cpu"), ("26.0", "mps", "cpu"), ("26.0", "auto", "cpu")],
)
def test_without_a_verdict_macos_26_does_not_train_on_metal(
    metal: Metal, monkeypatch: pytest.MonkeyPatch, macos: str, asked: str, gets: str
) -> None:
    monkeypatch.setenv("METAL_PROBE", "none")
    monkeypatch.setenv("METAL_MACOS", macos)
    assert check_mps_stability(layer=metal).stable is None and not verdicts_file().exists()
    assert choose(asked).name == gets == metal.in_use


def test_a_fall_back_is_said(metal: Metal, monkeypatch: pytest.MonkeyPatch) -> None:
    remember_loss("SIGABRT", metal)
    work = Silent()
    choose_device("auto", work)
    assert metal.in_use == "cpu" and "a run lost it (SIGABRT)" in work.logs[0]
    assert choose("cpu").why == ""
    with pytest.raises(RecipeError, match="no device 'cuda'"):
        choose("cuda")


def test_no_metal_no_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    if torch.backends.mps.is_available():
        pytest.skip("this machine has Metal")
    verdict = check_mps_stability()
    assert verdict.stable is None and not verdict and not verdicts_file().exists()


def test_the_memory_callback_clears_every_50_steps(metal: Metal) -> None:
    callback = MPSMemoryCallback(layer=metal)
    metal.in_use = "mps"
    for step in range(1, 151):
        callback(step)
    assert callback.cleared == 3
    metal.in_use = "cpu"
    callback(200)
    assert callback.cleared == 3
    with pytest.raises(ValueError, match="at least 1"):
        MPSMemoryCallback(every=0)


@pytest.mark.parametrize(("cpu", "gets"), [("emulated", "fp32"), ("vector", "bf16"), ("amx", "bf16")])
def test_bf16_on_a_cpu_that_emulates_it_becomes_fp32(
    metal: Metal, monkeypatch: pytest.MonkeyPatch, cpu: str, gets: str
) -> None:
    monkeypatch.setenv("METAL_CPU_BF16", cpu)
    work = Silent()
    assert fit_precision("bf16", torch.device("cpu"), work) == gets
    assert [("emulates" in line) for line in work.logs] == ([True] if gets == "fp32" else [])


SCRIPT = Path(__file__).parents[2] / "scripts" / "run_training.sh"
VARIABLES = {
    "MTL_DEBUG_LAYER": "0",
    "MTL_SHADER_VALIDATION": "0",
    "PYTORCH_MPS_HIGH_WATERMARK_RATIO": "0.0",
    "PYTORCH_ENABLE_MPS_FALLBACK": "1",
}


def test_run_training_sets_the_variables_and_passes_everything_on() -> None:
    program = "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:]])); sys.exit(7)"
    words = ["a b", "", "it's", '"quoted"', "*", "--out", "x=$HOME"]
    environment = {**os.environ, "MTL_DEBUG_LAYER": "1"}
    done = subprocess.run(
        [SCRIPT, sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    seen, arguments = json.loads(done.stdout)
    assert arguments == words
    assert {name: seen.get(name) for name in VARIABLES} == VARIABLES


def test_run_training_without_a_command_says_how() -> None:
    done = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "run_training.sh CMD" in done.stderr and not done.stdout


def test_the_doctor_says_what_metal_is_worth(metal: Metal, monkeypatch: pytest.MonkeyPatch) -> None:
    remember_loss("SIGABRT", metal)
    found = {check["name"]: check for check in report({}, Silent()).value["checks"]}
    assert found["MPS"]["state"] == "warning" and "a run lost it" in found["MPS"]["finding"]
    assert "--probe" in found["MPS"]["remedy"]
    assert "bf16" in found["CPU"]["finding"] and {"FlashAttention", "bitsandbytes", "compile"} <= found.keys()
    found = {check["name"]: check for check in report({"probe": True}, Silent()).value["checks"]}
    assert found["MPS"]["state"] == "ok" and metal.tries == 1
    assert choose("auto").name == "mps"
