"""A small trained model of documents for tests: made notices and a run, once for all processes of a test run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import redraft
from redraft.core.locking import only_writer

RECIPE = """
task: summary
dataset: {dataset}
model:
  base: tiny
  freeze: []
  options:
    {{picture: 128, channels: [8, 12, 16], depths: [1, 1, 1], width: 32, layers: 1, heads: 2, feed_forward: 64}}
train: {{max_steps: 2, batch_size: 4, evaluate_first: false, precision: fp32}}
evaluate: {{max_new_tokens: 24, limit: 2}}
"""
STYLE = {"width": 128, "height": 128, "font_size": 12, "line_spacing": 1.3334, "margin": 0.03}


def summary_run(factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(dataset, run). The model was hardly trained: what it answers is of no interest, how it is asked is.

    Whoever uses it changes neither: the processes of one test run share it.
    """
    base = factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "summary-run"
    place.mkdir(exist_ok=True)
    dataset, recipe, run = place / "notices", place / "recipe.yaml", place / "run"
    with only_writer(place, patience=200):
        if not (run / "result.json").is_file():
            redraft.generate("summary", dataset, 8, validation=4, test=2, seed=3, level="simple", style=STYLE,
                             max_pages=4)  # fmt: skip
            recipe.write_text(RECIPE.format(dataset=dataset))
            redraft.train(recipe, out=run)
    return dataset, run
