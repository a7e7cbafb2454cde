"""Makes the small model that comes with the installation: the served part of a run's checkpoint, and its card.

    python scripts/ship_weights.py redraft-demo/run

Takes model, recipe and manifest; the optimiser's state and whatever names this machine stay behind.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from redraft.core.atomic import new_folder, write_json, write_text
from redraft.models.layout import find_checkpoint, read_manifest

WEIGHTS = Path(__file__).parent.parent / "src" / "redraft" / "tasks" / "cad" / "weights"


def main(run: Path) -> None:
    checkpoint = find_checkpoint(run)
    manifest = read_manifest(checkpoint)
    scores = json.loads((run / "evaluations" / "test" / "evaluation.json").read_text())
    recipe = json.loads((checkpoint / "recipe.json").read_text())
    recipe["dataset"] = manifest["dataset"]["folder"] = "parts"
    recipe["output"] = None
    if WEIGHTS.exists():
        shutil.rmtree(WEIGHTS)
    with new_folder(WEIGHTS) as folder:
        shutil.copytree(checkpoint / "model", folder / "model")
        write_json(folder / "recipe.json", recipe)
        manifest["files"] = {name: file for name, file in manifest["files"].items() if name.startswith("model/")}
        write_json(folder / "manifest.json", manifest)
        write_text(folder / "README.md", card(manifest, scores))


def card(manifest: dict, scores: dict) -> str:
    low, high = scores["interval"]
    made, options = manifest["dataset"]["counts"]["train"], manifest["dataset"]["options"]
    says = "\n".join(f"- {sentence}" for sentence in scores["says"])
    return f"""---
license: apache-2.0
library_name: transformers
pipeline_tag: image-text-to-text
---
# The small cad model that comes with redraft

Front, top and right view of a simple part to its compact program, on a grid of {options["grid"]}. Trained from
nothing by `redraft demo` in {manifest["step"]:,} steps on {made:,} generated parts of the level
{options["level"]}. Stock transformers classes, safetensors.

Score {scores["mean"]:.3f} (IoU, 95 % interval {low:.3f} to {high:.3f}) on {scores["examples"]} unseen parts.

{says}

It knows the generator's simple parts: one to three extrusions, one view style. On drawings of other parts it
guesses, and `redraft reconstruct` shows that by how little the answer's views agree with the drawing.
"""


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: ship_weights.py RUN")
    main(Path(sys.argv[1]))
