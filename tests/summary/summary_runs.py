"""A small trained model of documents for tests: a dataset of made notices and a run, made once a process."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import redraft

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


@cache
def summary_run() -> tuple[Path, Path]:
    """(dataset, run). The model was hardly trained: what it answers is of no interest, how it is asked is."""
    place = Path(mkdtemp(prefix="redraft-test-summary-"))
    dataset, recipe = place / "notices", place / "recipe.yaml"
    redraft.generate("summary", dataset, 8, validation=4, test=2, seed=3, level="simple", style=STYLE, max_pages=4)
    recipe.write_text(RECIPE.format(dataset=dataset))
    redraft.train(recipe, out=place / "run")
    return dataset, place / "run"
