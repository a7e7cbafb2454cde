"""The dry run on real parts: 20 samples, 5 epochs, and the loss falls by at least 68 %."""

from __future__ import annotations

from pathlib import Path

from redraft.core.work import Silent
from redraft.worker.verbs.data import generate
from redraft.worker.verbs.train import start

ROOT = Path(__file__).parents[2]


def test_the_loss_of_the_dry_run_falls(tmp_path: Path) -> None:
    generate({"task": "cad", "out": str(tmp_path / "data"), "count": 20, "seed": 3}, Silent())
    work = Silent()
    request = {
        "recipe": str(ROOT / "recipes" / "cad-dryrun.yaml"),
        "overrides": [f"dataset={tmp_path / 'data'}"],
        "out": str(tmp_path / "run"),
    }
    value = start(request, work).value
    assert value["steps"] == 100 and value["examples_seen"] == 100
    assert value["loss_drop"] >= 0.68
    assert value["batch_variation"] > 0 and value["examples_per_second"] > 0
    assert 0 < value["peak_memory_bytes"] < 4e9
    assert any("less), batch-to-batch variation" in line and "examples a second" in line for line in work.logs)
