"""The optimiser's parameter groups: a learning rate for each part of the model, weight decay on matrices alone."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from torch import nn

from redraft.core.errors import RecipeError
from redraft.models.families.base import inner
from redraft.models.parts import PARTS, part_of_each

KEY = "train.learning_rates"


def get_parameter_groups(
    model: Any,
    learning_rate: float,
    weight_decay: float,
    learning_rates: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Groups for an optimiser of torch, each with params, weight_decay, lr and name; every trained parameter is in
    exactly one.

    learning_rates: other rates for parts ("vision", "projector", "embeddings", "language", "head", "adapter") or
    for modules by dotted name, such as "model.language_model.layers.0". A module goes before a part, a longer name
    before a shorter one. The adapter's weights are "adapter", wherever they sit, and embeddings that are tied to
    the output are "embeddings". Biases, norms and everything of fewer than two dimensions are not decayed.

    A name that matches nothing that is trained, and a model of which nothing is trained, is a RecipeError.
    """
    rates = dict(learning_rates or {})
    parts = part_of_each(model)
    core = inner(model)
    modules = sorted((name for name in rates if name not in PARTS), key=len, reverse=True)
    plain = _undecayed(core)
    groups: dict[tuple[str, bool], dict[str, Any]] = {}
    used: set[str] = set()
    for name, parameter in core.named_parameters():
        if not parameter.requires_grad:
            continue
        within = next((m for m in modules if name == m or name.startswith(m + ".")), None)
        key = within or (parts[name] if parts[name] in rates else None)
        if key is not None:
            used.add(key)
        decayed = parameter.ndim >= 2 and name not in plain
        label = key or "rest"
        made = groups.setdefault(
            (label, decayed),
            {
                "params": [],
                "weight_decay": weight_decay if decayed else 0.0,
                "lr": rates[key] if key is not None else learning_rate,
                "name": label if decayed else f"{label}, not decayed",
            },
        )
        made["params"].append(parameter)
    for name in rates:
        if name not in used:
            raise _unmatched(core, name, parts)
    if not groups:
        raise RecipeError(
            "nothing of this model is trained",
            where="model.freeze",
            remedy="Freeze fewer parts, or give model.adapter",
        )
    return list(groups.values())


def _undecayed(core: nn.Module) -> set[str]:
    """Names of biases and of all that belongs to a norm, of any number of dimensions."""
    kinds = [(name, module) for name, module in core.named_modules() if not any(module.children())]
    norms = [name for name, module in kinds if "norm" in type(module).__name__.lower()]
    found = {f"{norm}.{name}" for norm in norms for name, _ in core.get_submodule(norm).named_parameters()}
    return found | {name for name, _ in core.named_parameters() if name.split(".")[-1] == "bias"}


def _unmatched(core: nn.Module, name: str, parts: dict[str, str]) -> RecipeError:
    """Why a name of the recipe's learning rates matched nothing that is trained."""
    exists = name in parts.values() or any(n == name or n.startswith(name + ".") for n in parts)
    if exists:
        return RecipeError(
            f"there is a rate for '{name}', and all of it is frozen",
            where=KEY,
            remedy=f"Remove '{name}' from {KEY}, or from model.freeze",
        )
    known = [*PARTS, *(module for module, _ in core.named_modules() if module)]
    near = difflib.get_close_matches(name, known, n=1)
    there = sorted(set(parts.values()) - {"other"})
    return RecipeError(
        f"nothing in this model is called '{name}'",
        where=KEY,
        remedy=f"Did you mean '{near[0]}'?" if near and near[0] != name else f"Its parts are {', '.join(there)}",
    )
