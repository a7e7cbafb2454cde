"""The recipes that come with redraft are whole, and the page about them is true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from redraft.core.discovery import load_task
from redraft.core.errors import RecipeError
from redraft.core.recipe import read_recipe
from redraft.core.work import Silent
from redraft.datasets.writer import DatasetWriter
from redraft.models import small
from redraft.models.device import choose_device
from redraft.models.device_layer import device_layer
from redraft.models.tiny import tiny_options
from redraft.training.device import fit_precision, weight_type
from redraft.worker.verbs.train import start

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
FAMILIES = [name for name in small.names() if name != "paligemma"]
"""PaliGemma is the tiny model's family, whose recipes are those of cad-*."""


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_valid_and_explained(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.task and recipe.dataset
    if recipe.model.base == "tiny":
        tiny_options(recipe.model.options)
        assert not recipe.model.freeze and recipe.model.adapter is None
    assert path.read_text(encoding="utf-8").startswith("# ")
    assert f"`recipes/{path.name}`" in (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")


def test_the_recipes_that_are_promised_are_there() -> None:
    promised = {"cad-dryrun", "cad-production", "cad-test", "cad-tiny", "openecad"}
    presets = {"quick_test", "standard", "high_quality", "memory_efficient"}
    families = {f"family-{name}" for name in FAMILIES}
    assert {path.stem for path in RECIPES} >= promised | presets | families


def test_openecads_recipe_has_its_published_settings() -> None:
    recipe = read_recipe(ROOT / "recipes" / "openecad.yaml")
    assert recipe.model.adapter is not None
    assert (recipe.model.adapter.r, recipe.model.adapter.alpha) == (128, 256)
    assert recipe.train.batch_size * recipe.train.accumulate == 32
    assert (recipe.train.learning_rate, recipe.train.schedule, recipe.train.max_length) == (1e-4, "cosine", 3072)


@pytest.mark.parametrize(
    "family", [n if n == "qwen2_5_vl" else pytest.param(n, marks=pytest.mark.slow) for n in FAMILIES]
)
def test_a_familys_recipe_trains_its_small_instance(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = two_steps(f"family-{family}", family, tmp_path, monkeypatch)
    assert value["status"] == "finished" and value["steps"] == 2 and 0 < value["train_loss"] < 100
    manifest = json.loads((tmp_path / "run" / value["checkpoint"] / "manifest.json").read_text())
    assert manifest["kind"] == "adapter"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("quick_test", "smolvlm"),
        ("standard", "smolvlm"),
        ("high_quality", "smolvlm"),
        ("memory_efficient", "smolvlm"),
        ("openecad", "llava"),
        ("cad-production", "smolvlm"),
    ],
)
def test_a_preset_trains_a_small_instance(
    name: str, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = two_steps(name, family, tmp_path, monkeypatch)
    assert value["status"] == "finished" and value["steps"] == 2 and 0 < value["train_loss"] < 100


def two_steps(name: str, family: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Two steps of a recipe on a small instance and dots, whatever base and data the recipe names."""
    monkeypatch.setenv("REDRAFT_TASKS", str(ROOT / "tests" / "core"))
    monkeypatch.setenv("REDRAFT_HOME", str(folder / "home"))
    task = load_task("toy_task")
    options = task.options({})
    with DatasetWriter(folder / "data", task=task.name, revision=task.revision, options=options) as writer:
        for example in task.generate(8, 0, options, Silent()):
            writer.add("train", example)
    small.build(family, folder / "base")
    instead = {
        "task": "toy_task",
        "dataset": str(folder / "data"),
        "device": "cpu",
        "model.base": str(folder / "base"),
        "train.epochs": 4,
        "train.max_steps": 2,
        "train.accumulate": 1,
        "train.threads": 1,
        "train.workers": 1,
    }
    request = {
        "recipe": str(ROOT / "recipes" / f"{name}.yaml"),
        "overrides": [f"{key}={value}" for key, value in instead.items()],
        "out": str(folder / "run"),
    }
    value: dict[str, Any] = start(request, Silent()).value
    return value


def test_the_page_of_keys_is_the_definition() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "write_recipe_docs.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_overrides_reach_the_tiny_models_sizes() -> None:
    recipe = read_recipe(ROOT / "recipes" / "cad-tiny.yaml", ["model.options.width=96", "train.max_minutes=1"])
    assert tiny_options(recipe.model.options).width == 96 and recipe.train.max_minutes == 1


def test_precision_falls_back_aloud(tmp_path: Path) -> None:
    import torch

    from redraft.core.work import Silent

    work = Silent()
    assert fit_precision("fp16", torch.device("cpu"), work) == "fp32"
    assert "fp32 instead" in work.logs[0]
    emulated = device_layer().cpu_bf16() == "emulated"
    found = fit_precision("bf16", torch.device("cpu"), work)
    assert (found, len(work.logs)) == (("fp32", 2) if emulated else ("bf16", 1))
    adapted = read_recipe(ROOT / "recipes" / "cad-production.yaml")
    assert weight_type(adapted, "bf16") is torch.bfloat16
    assert weight_type(read_recipe(ROOT / "recipes" / "cad-tiny.yaml"), "bf16") is torch.float32


def test_a_device_that_is_not_there() -> None:
    import torch

    assert choose_device("cpu").type == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(RecipeError, match="no device 'cuda'"):
            choose_device("cuda")
