"""A real dataset, a real run on it and a model's folder, made once for all tests of a process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from drawn_examples import drawn_example
from redraft.core.recipe import recipe_from_data
from redraft.core.work import Silent
from redraft.datasets.manifest import Source
from redraft.datasets.writer import DatasetWriter

TINY = {
    "channels": [8, 8],
    "depths": [1, 1],
    "width": 24,
    "layers": 1,
    "heads": 2,
    "feed_forward": 24,
    "picture": 32,
}


def make_dataset(folder: Path, count: int = 6, licence: str = "MIT") -> Path:
    """`count` examples for training and two for validation, each with a picture."""
    with DatasetWriter(
        folder,
        task="cad",
        revision="1",
        options={"grid": 64},
        seed=3,
        versions={"skia": "1"},
        source=Source(how="made by a test", origin="nowhere", licence=licence),
    ) as writer:
        for number in range(count + 2):
            writer.add("train" if number < count else "validation", drawn_example(number, [(32, 32)]))
        writer.left_out("lost-1", "too large: 9 of 8")
    return folder


def make_run(folder: Path, dataset: Path, steps: int = 2) -> Path:
    """A run of the tiny model on the dataset's examples that has ended well."""
    from redraft.models.encode import Encoder
    from redraft.models.load import load_model
    from redraft.training import run
    from redraft.training.loop import train

    examples = [drawn_example(number, [(32, 32)]) for number in range(6)]
    settings = {
        "max_steps": steps,
        "epochs": 9,
        "batch_size": 2,
        "save_every": 1,
        "keep": 2,
        "evaluate_first": False,
    }
    recipe = recipe_from_data(
        {
            "task": "cad",
            "dataset": str(dataset),
            "model": {"base": "tiny", "freeze": [], "options": TINY},
            "train": settings,
        }
    )
    facts = json.loads((dataset / "manifest.json").read_text())
    run.begin(folder, recipe)
    loaded = load_model(recipe.model, texts=[example.answer for example in examples], seed=recipe.seed)
    about: dict[str, Any] = {"folder": str(dataset), "fingerprint": facts["fingerprint"]}
    result = train(loaded, Encoder(loaded), examples, recipe, folder, Silent(), None, None, dataset=about)
    assert result["status"] == "finished"
    return folder
