"""AdamW with weight decay on matrices alone, and its state as named tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from redraft.core.errors import InputError
from redraft.core.recipe import Train


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are trained, by name, each once."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def make_optimiser(model: nn.Module, settings: Train, device: torch.device) -> torch.optim.AdamW:
    """Biases, norms and scales (fewer than two dimensions) are not decayed. The learning rate is set each step."""
    parameters = trained(model).values()
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.learning_rate,
        betas=settings.betas,
        fused=device.type in ("cpu", "cuda"),
    )


def state_tensors(optimiser: Any, model: nn.Module) -> dict[str, Tensor]:
    """The moments and step counts as "<parameter>//<name>" to tensor."""
    names = {id(p): name for name, p in trained(model).items()}
    return {
        f"{names[id(p)]}//{key}": torch.as_tensor(value)
        for p, state in optimiser.state.items()
        for key, value in state.items()
    }


def load_state(optimiser: Any, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Puts `state_tensors` back, exactly. Names that do not fit the model are an InputError."""
    parameters = trained(model)
    found: dict[str, dict[str, Tensor]] = {}
    for full, tensor in tensors.items():
        name, _, key = full.partition("//")
        found.setdefault(name, {})[key] = tensor
    if found and found.keys() != parameters.keys():
        odd = sorted(found.keys() ^ parameters.keys())
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
