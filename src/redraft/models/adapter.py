"""LoRA adapters on the language model alone, by module and not by a part of a name."""

from __future__ import annotations

import difflib
from typing import Any

from torch import nn

from redraft.core.errors import RecipeError
from redraft.core.recipe import Adapter
from redraft.models.freeze import language_module


def target_names(model: Any, wanted: tuple[str, ...]) -> list[str]:
    """Full names of the language model's linear layers that the recipe asks for.

    A name that no layer has is a RecipeError. Layers of the vision side never match, whatever they are called.
    """
    from transformers.pytorch_utils import Conv1D

    prefix, language = language_module(model)
    kinds = (nn.Linear, Conv1D)  # GPT-2 writes its linear layers as convolutions of width one
    linear = [name for name, module in language.named_modules() if isinstance(module, kinds) and name]
    if wanted == ("all-linear",):
        return [f"{prefix}.{name}" for name in linear]
    chosen: list[str] = []
    for target in wanted:
        matching = [name for name in linear if name == target or name.endswith("." + target)]
        if not matching:
            known = sorted({name.split(".")[-1] for name in linear})
            near = difflib.get_close_matches(target, known, n=1)
            raise RecipeError(
                f"model.adapter.targets names '{target}', and no linear layer of the language model is called so",
                where=type(model).__name__,
                remedy=f"Did you mean '{near[0]}'?" if near else f"Its layers: {', '.join(known)}",
            )
        chosen += matching
    return [f"{prefix}.{name}" for name in chosen]


def add_adapter(model: Any, adapter: Adapter, base: str) -> Any:
    """The model with a fresh adapter; everything else is frozen. base: where its base weights come from."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=adapter.r,
        lora_alpha=adapter.alpha,  # type: ignore[arg-type]  # peft divides by it; fractions are fine
        lora_dropout=adapter.dropout,
        target_modules=target_names(model, adapter.targets),
        use_dora=adapter.kind == "dora",
        use_rslora=adapter.kind == "rslora",
        bias="none",
    )
    wrapped = get_peft_model(model, config)
    wrapped.peft_config["default"].base_model_name_or_path = base
    return wrapped
