"""Adapters on the language model alone, by module and not by a part of a name; on its experts too, if asked."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from torch import nn

from redraft.core.errors import RecipeError
from redraft.core.recipe import Adapter
from redraft.models.families import family_of
from redraft.models.parts import language_module

EXPERTS = "model.adapter.experts"


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
        chosen += [name for name in matching if name not in chosen]
    return [f"{prefix}.{name}" for name in chosen]


def expert_names(model: Any) -> list[str]:
    """Full names of the language model's fused expert weights: parameters [experts, rows, columns] without a
    module of their own. Empty for a decoder without experts."""
    prefix, language = language_module(model)
    named = family_of(model.config.model_type).experts
    return [
        f"{prefix}.{name}"
        for name, parameter in language.named_parameters()
        if parameter.ndim == 3
        and (any(("." + name).endswith("." + last) for last in named) if named else ".experts." in name)
    ]


def add_adapter(model: Any, adapter: Adapter, base: str) -> Any:
    """The model with a fresh adapter; everything else is frozen. base: where its base weights come from.

    A target that the language model does not have, and experts with what peft cannot do on them, is a RecipeError.
    """
    from peft import LoraConfig, get_peft_model

    experts = _experts(model, adapter) if adapter.experts else None
    targets = target_names(model, adapter.targets)
    if not targets and not experts:
        raise RecipeError(
            "model.adapter has nothing to adapt: targets is empty",
            where="model.adapter.targets",
            remedy="Name linear layers, such as [q_proj, k_proj, v_proj, o_proj], or give [all-linear]",
        )
    config = LoraConfig(
        r=adapter.r,
        lora_alpha=adapter.alpha,  # type: ignore[arg-type]  # peft divides by it; fractions are fine
        lora_dropout=adapter.dropout,
        target_modules=targets,
        target_parameters=experts,
        use_dora=adapter.kind == "dora",
        use_rslora=adapter.kind == "rslora",
        bias="none",
    )
    # peft's own preparation of 4-bit models is left out: it casts whatever is held in 16 bits (embeddings, vision
    # side, fused experts) to 32, which takes back what the 4 bits saved. peft freezes the base by itself, keeps
    # adapters in fp32, and gradient checkpointing as transformers does it needs no gradients of its inputs.
    wrapped = get_peft_model(model, config)
    wrapped.peft_config["default"].base_model_name_or_path = base
    return wrapped


def adapter_parameters(model: Any) -> Iterator[tuple[str, nn.Parameter]]:
    """The numbers an adapter adds, with their names."""
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            yield name, parameter


def _experts(model: Any, adapter: Adapter) -> list[str]:
    if adapter.kind == "dora":
        raise RecipeError(
            "DoRA splits a layer's weight into length and direction, which peft does not do for fused experts",
            where=EXPERTS,
            remedy="Give model.adapter.kind: lora or rslora, or leave experts out",
        )
    if adapter.dropout:
        raise RecipeError(
            "dropout acts on what goes into an adapter, and an adapter of fused experts is added to their weights",
            where=EXPERTS,
            remedy="Give model.adapter.dropout: 0, or leave experts out",
        )
    names = expert_names(model)
    if not names:
        raise RecipeError(
            "this language model has no fused experts to adapt",
            where=EXPERTS,
            remedy="Remove model.adapter.experts; model.adapter.targets reaches its linear layers",
        )
    return names
