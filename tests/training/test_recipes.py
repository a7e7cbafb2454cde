"""The recipes that come with redraft are whole, and the page about them is true."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from redraft.core.errors import RecipeError
from redraft.core.recipe import read_recipe
from redraft.models.device import choose_device
from redraft.models.device_layer import device_layer
from redraft.models.tiny import tiny_options
from redraft.training.device import fit_precision, weight_type

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))


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
    assert {path.stem for path in RECIPES} >= {"cad-dryrun", "cad-production", "cad-test", "cad-tiny"}


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
