"""AdamW with weight decay on matrices alone, and its state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from redraft.core.errors import InputError, RecipeError
from redraft.core.recipe import Train
from redraft.models.freeze import get_parameter_groups


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are trained, by name, each once."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def make_optimiser(model: nn.Module, settings: Train, device: torch.device) -> torch.optim.Optimizer:
    """AdamW over the parameter groups of the recipe, or the one that keeps its moments in 8 bits.

    Each group's highest rate is its "initial_lr"; the loop sets the rate of every step. 8 bits without a GPU or
    without bitsandbytes is a RecipeError.
    """
    groups = get_parameter_groups(model, settings.learning_rate, settings.weight_decay, settings.learning_rates)
    for group in groups:
        group["initial_lr"] = group["lr"]
    if settings.optimiser == "adamw_8bit":
        return _in_eight_bits(groups, settings, device)
    return torch.optim.AdamW(
        groups, lr=settings.learning_rate, betas=settings.betas, fused=device.type in ("cpu", "cuda")
    )


def _in_eight_bits(groups: list[dict[str, Any]], settings: Train, device: torch.device) -> torch.optim.Optimizer:
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError:
        AdamW8bit = None
    if AdamW8bit is None or device.type != "cuda":
        missing = "bitsandbytes is not installed" if AdamW8bit is None else f"there is none for {device.type}"
        raise RecipeError(
            f"train.optimiser: adamw_8bit cannot be used here: {missing}",
            where="train.optimiser",
            remedy="Give adamw, or train on a CUDA device after `pip install bitsandbytes`",
        )
    found: torch.optim.Optimizer = AdamW8bit(groups, lr=settings.learning_rate, betas=settings.betas)
    return found


def state_tensors(optimiser: Any, model: nn.Module) -> dict[str, Tensor]:
    """The moments and step counts as "<parameter>//<name>" to tensor."""
    names = {id(p): name for name, p in trained(model).items()}
    return {
        f"{names[id(p)]}//{key}": torch.as_tensor(value)
        for p, state in optimiser.state.items()
        for key, value in state.items()
    }


def load_state(optimiser: Any, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Puts `state_tensors` back, exactly. Names or shapes that do not fit the model are an InputError.

    A parameter may have no state: no example has used its part of the model yet (a connector for fine pictures).
    """
    parameters = trained(model)
    found: dict[str, dict[str, Tensor]] = {}
    for full, tensor in tensors.items():
        name, _, key = full.partition("//")
        found.setdefault(name, {})[key] = tensor
    odd = sorted(
        name
        for name, state in found.items()
        if name not in parameters or state.get("exp_avg", parameters[name]).shape != parameters[name].shape
    )
    if odd:
        raise InputError(
            f"the optimiser's state and the model disagree on {len(odd)} parameters, such as {odd[0]}",
            where="training.safetensors",
            remedy="Resume with the recipe that the run began with",
        )
    for name, parameter in parameters.items():
        if name in found:
            optimiser.state[parameter] = {
                key: value.clone() if key == "step" else value.to(parameter.device).clone()
                for key, value in found[name].items()
            }
