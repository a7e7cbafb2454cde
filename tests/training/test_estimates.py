"""docs/estimates.md says what its figures say, and what can be counted anywhere is counted right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

import write_estimates  # noqa: E402


def test_the_page_is_written_from_its_figures() -> None:
    command = [sys.executable, str(SCRIPTS / "write_estimates.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shape", write_estimates.SHAPES, ids=lambda shape: shape.name)
def test_real_sized_models_are_counted_from_their_configuration(shape: write_estimates.Shape) -> None:
    figures = json.loads(write_estimates.FIGURES.read_text())["models"][shape.name]
    found = write_estimates.counted(shape)
    assert {**found, **write_estimates.estimate(shape, found)} == figures
    published = {"SmolVLM-500M": 507e6, "Qwen3-VL-2B": 2.13e9}  # of their weight files on the hub
    assert found["parameters"] == pytest.approx(published[shape.name], rel=0.01)
    assert 4 * found["adapter"] < 50e6  # attention adapters at rank 16, fp32
