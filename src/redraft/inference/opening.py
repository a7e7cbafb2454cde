"""Opens predictors by what a user names: a checkpoint, a run, a model folder, a server, or what a model was before
its training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from redraft.core.errors import InputError, UsageError
from redraft.core.recipe import Evaluate, Recipe, recipe_from_data
from redraft.inference.openai_server import OpenAIServer
from redraft.inference.predictor import LocalPredictor
from redraft.models.device import choose_device
from redraft.models.encode import Encoder
from redraft.models.layout import MANIFEST, RECIPE, find_checkpoint, read_manifest
from redraft.models.load import TINY, Loaded, load_checkpoint, load_model

NAMED_SETTINGS = frozenset(Evaluate.model_fields)


def open_predictor(name: str | Path, *, device: str = "auto", **settings: Any) -> LocalPredictor | OpenAIServer:
    """A checkpoint, run or model folder, or `http://host:port/v1#model`, ready to answer.

    settings: batch_size, max_new_tokens, temperature, seed; what is not given comes from the recipe beside the
    checkpoint, else from the defaults. A name that means no model is an InputError.
    """
    if str(name).startswith(("http://", "https://")):
        evaluate, others = _split(Evaluate(), settings)
        return OpenAIServer.from_name(str(name), settings=evaluate, **others)
    folder = find_checkpoint(Path(name))
    recipe = checkpoint_recipe(folder)
    place = choose_device(device)
    loaded = load_checkpoint(folder, device=place, dtype=_dtype(recipe, place))
    predictor = _predictor(loaded, recipe, _title(folder), settings)
    if recipe is not None and (folder / MANIFEST).is_file():
        predictor.task_options = dict(read_manifest(folder).get("dataset", {}).get("options") or {})
    return predictor


def open_untrained(name: str | Path, *, device: str = "auto", **settings: Any) -> LocalPredictor:
    """What the checkpoint was before its training: the base model, or the tiny model with its first weights.

    The tiny model keeps the checkpoint's tokenizer and draws its weights from the recipe's seed, as the run did. A
    checkpoint without a recipe is a UsageError, as its base is not known.
    """
    folder = find_checkpoint(Path(name))
    recipe = checkpoint_recipe(folder)
    if recipe is None:
        raise UsageError(
            "this model does not say what it was trained from",
            where=str(folder),
            remedy="Name the model to compare with: --against FOLDER",
        )
    place = choose_device(device)
    if recipe.model.base == TINY:
        loaded = load_checkpoint(folder, device="cpu", dtype=torch.float32)
        _draw_weights_again(loaded.model, recipe)
        loaded.model.to(place)
    else:
        plain = {"adapter": None, "freeze": (), "quantise": None, "attention": "auto"}
        spec = recipe.model.model_copy(update=plain)
        loaded = load_model(spec, device=place, dtype=_dtype(recipe, place))
    return _predictor(loaded, recipe, "the untrained model", settings)


def checkpoint_recipe(folder: Path) -> Recipe | None:
    """The recipe a checkpoint carries, None for a plain model folder."""
    path = folder / RECIPE
    if not path.is_file():
        return None
    try:
        return recipe_from_data(json.loads(path.read_text(encoding="utf-8")), where=str(path))
    except (OSError, ValueError) as error:
        raise InputError(
            f"the checkpoint's recipe cannot be read ({error})", where=str(path), remedy="Use another checkpoint"
        ) from None


def _predictor(loaded: Loaded, recipe: Recipe | None, name: str, settings: dict[str, Any]) -> LocalPredictor:
    evaluate, others = _split(recipe.evaluate if recipe else Evaluate(), settings)
    return LocalPredictor(loaded, Encoder(loaded), evaluate, name=name, **others)


def _split(base: Evaluate, given: dict[str, Any]) -> tuple[Evaluate, dict[str, Any]]:
    named = {key: value for key, value in given.items() if key in NAMED_SETTINGS and value is not None}
    others = {key: value for key, value in given.items() if key not in NAMED_SETTINGS}
    return Evaluate.model_validate({**base.model_dump(), **named}), others


def _dtype(recipe: Recipe | None, device: torch.device) -> torch.dtype:
    """Half precision where the run trained so and the device computes it fast; else full."""
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}
    if device.type == "cpu" or recipe is None:
        return torch.float32
    return half.get(recipe.train.precision, torch.float32)


def _title(folder: Path) -> str:
    if (folder / "manifest.json").is_file() and folder.parent.name == "checkpoints":
        return f"{folder.parent.parent.name}, step {read_manifest(folder).get('step', folder.name)}"
    return folder.name


def _draw_weights_again(model: Any, recipe: Recipe) -> None:
    """Puts the weights into model that a fresh one of its class gets from the recipe's seed."""
    state = torch.random.get_rng_state()
    try:
        seed = recipe.model.options.get("seed")
        torch.manual_seed(recipe.seed if seed is None else seed)
        fresh = type(model)(model.config)
    finally:
        torch.random.set_rng_state(state)
    model.load_state_dict(fresh.state_dict())
