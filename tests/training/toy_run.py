"""One run on toy examples, in this process or as a program: `python toy_run.py FOLDER COUNT MODEL TRAIN KILLED`.

KILLED: the step after which it ends itself by SIGKILL; 0 for none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from redraft.core.discovery import load_task
from redraft.core.example import Example
from redraft.core.recipe import Recipe, recipe_from_data
from redraft.core.work import Silent
from redraft.models.encode import Encoder
from redraft.models.load import apply_freeze, load_checkpoint, load_model
from redraft.training import checkpoint, run
from redraft.training.loop import train
from redraft.worker.augmenting import augmentation_of
from toy_parts import toy_examples


def go(
    folder: Path,
    recipe: Recipe,
    count: int,
    evaluate: Any = None,
    work: Silent | None = None,
    examples: list[Example] | None = None,
) -> dict[str, Any]:
    """Begins the run, or goes on from its newest checkpoint. examples: in place of so many toy ones. What
    train.augment asks for is done by the task summary, which gives any picture the effects of a scanner."""
    work = work or Silent()
    examples = examples or toy_examples(count)
    found = checkpoint.newest(folder, work) if run.is_run(folder) else None
    if not run.is_run(folder):
        run.begin(folder, recipe)
    if found is None:
        loaded = load_model(recipe.model, texts=[e.answer for e in examples], seed=recipe.seed)
    else:
        loaded = load_checkpoint(found)
        apply_freeze(loaded, recipe.model)
    facts = {"fingerprint": "toy"}
    ways = augmentation_of(recipe, load_task("summary"), {})
    encoder = Encoder(loaded)
    return train(
        loaded, encoder, examples, recipe, folder, work, evaluate, found, dataset=facts, augmentation=ways
    )


if __name__ == "__main__":
    from killing import Killed

    target, number, model, settings, step = sys.argv[1:]
    data = {"task": "toy", "dataset": "none", "model": json.loads(model), "train": json.loads(settings)}
    print(json.dumps(go(Path(target), recipe_from_data(data), int(number), work=Killed(int(step)))))
