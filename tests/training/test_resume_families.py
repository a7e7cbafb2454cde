"""Every family, full fine-tune and adapter: killed, gone on, and bit for bit the unbroken run.

Trainers that save hub names and load them non-strictly against module names go on from base weights here, in
silence. So names are compared as sets, and tensors bit by bit.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import Killed, losses, same_checkpoint
from toy_run import go

from redraft.core.errors import InputError
from redraft.core.recipe import Model, Recipe
from redraft.models import small
from redraft.models.families import family_of
from redraft.models.families.base import Family
from redraft.models.layout import find_checkpoint
from redraft.models.load import load_checkpoint, load_model
from redraft.models.saving import save_model
from redraft.training import run
from toy_parts import toy_recipe

DEFAULT = "qwen2_5_vl"
FAMILIES = [
    name if name == DEFAULT else pytest.param(name, marks=pytest.mark.slow)
    for name in small.names()
    if name != "smolvlm"  # Idefics3 under another name
]
STEPS, EVERY, KILLED = 9, 3, (2, 5, 7)


def recipe_of(kind: str, base: Path) -> Recipe:
    model: dict[str, Any] = {"base": str(base), "freeze": ["vision"]}
    if kind == "adapter":
        # adapters of fused experts know no dropout
        ways = {"experts": True, "dropout": 0.0} if family(base).experts else {"dropout": 0.2}
        model["adapter"] = {"r": 4, **ways}
        if family(base).name == "paligemma":  # its small decoder is a GPT-2
            model["adapter"]["targets"] = ["all-linear"]
    return toy_recipe(
        model,
        max_steps=STEPS,
        epochs=1000,
        save_every=EVERY,
        batch_size=2,
        accumulate=2,
        warmup=0,
        group_by_length=True,
        learning_rate=3e-3,
    )


def family(base: Path) -> Family:
    return family_of(json.loads((base / "config.json").read_text())["model_type"])


def child(folder: Path, recipe: Recipe, step: int) -> None:
    torch.set_num_threads(1)
    go(folder, recipe, 12, work=Killed(step))


@pytest.fixture(scope="module", params=FAMILIES)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.build(request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("kind", ["full", "adapter"])
def test_a_killed_run_goes_on_bit_for_bit(kind: str, base: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)  # before the children are made: they cannot take over this process's threads
    recipe = recipe_of(kind, base)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    go(whole, recipe, 12)
    process = multiprocessing.get_context("fork")
    for step in KILLED:
        worker = process.Process(target=child, args=(broken, recipe, step), daemon=True)
        worker.start()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
        assert not run.finished(broken)
    go(broken, recipe, 12)
    assert losses(broken) == losses(whole) and len(losses(whole)) == STEPS
    first, last = losses(whole)[0][1], losses(whole)[-1][1]
    assert last < first  # it did train: equal losses of a model that learns nothing would prove nothing
    same_checkpoint(whole / "checkpoints" / f"step-{STEPS}", broken / "checkpoints" / f"step-{STEPS}")


@pytest.mark.parametrize("kind", ["full", "adapter"])
def test_what_was_saved_is_what_opens(kind: str, base: Path, tmp_path: Path) -> None:
    """Every name and every bit, of weights that are not the base's."""
    loaded = load_model(recipe_of(kind, base).model)
    with torch.no_grad():
        for number, parameter in enumerate(loaded.model.parameters()):
            if parameter.requires_grad:
                random = torch.Generator().manual_seed(number)
                parameter.copy_(torch.randn(parameter.shape, generator=random))
    save_model(loaded, tmp_path)
    mine, theirs = loaded.model.state_dict(), load_checkpoint(tmp_path).model.state_dict()
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if mine[name].dtype != theirs[name].dtype] == []
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []


def test_an_adapter_without_a_weight_is_refused(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    loaded = load_model(recipe_of("adapter", base).model)
    save_model(loaded, tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    tensors = load_file(path)
    tensors.pop(sorted(tensors)[0])
    save_file(tensors, path)
    with pytest.raises(InputError, match="1 weights missing"):
        load_checkpoint(tmp_path)
    path.rename(tmp_path / "adapter_model.bin")
    with pytest.raises(InputError, match="pickle"):
        load_checkpoint(tmp_path)


def test_a_model_without_a_weight_is_refused(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_model(load_model(Model(base=str(base))), tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    lost = sorted(name for name in tensors if "layers.0" in name)[0]
    tensors.pop(lost)
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(InputError, match="missing keys"):
        load_checkpoint(find_checkpoint(tmp_path))
