"""What proves a merge: logits equal within rounding, the base's names, shapes and types, tensors that changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from redraft.core.errors import InputError

TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 8e-2}
"""How far a logit may move, as a part of the largest one, by the type of the weights: about twenty times what the
rounding of merged weights was seen to do (docs/models.md)."""
SWITCHED = 4
"""Times as far in 16 bits where there are experts: rounding can send a token to another expert."""


def tolerance(dtype: torch.dtype, experts: bool) -> float:
    found = TOLERANCE.get(dtype, TOLERANCE[torch.bfloat16])
    return found * SWITCHED if experts and dtype != torch.float32 else found


@dataclass(frozen=True, slots=True)
class Proof:
    """Of a merge. max_logit_difference: the farthest that a logit moved; adapter_effect: the farthest that the
    adapter itself moves one; max_logit: the largest. tensors: of the model; adapted: those the adapter acts on;
    changed: those whose bits changed. examples: compared; drawn: they are our own, not the user's."""

    examples: int
    drawn: bool
    max_logit_difference: float
    tolerance: float
    max_logit: float
    adapter_effect: float
    tensors: int
    adapted: int
    changed: int


Facts = tuple[tuple[int, ...], torch.dtype, str]


def _facts(tensor: Tensor) -> Facts:
    """Shape, type and SHA-256 of the bits."""
    flat = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
    bits: Any = flat.numpy()
    return tuple(tensor.shape), tensor.dtype, hashlib.sha256(bits).hexdigest()


def base_tensors(model: Any) -> tuple[dict[str, Facts], set[str]]:
    """The base's tensors under an adapter, by the names they have without it, and those that it acts on."""

    def plain(name: str) -> str:
        return name.removeprefix("base_model.model.").replace(".base_layer", "")

    facts = {plain(name): _facts(tensor) for name, tensor in model.state_dict().items() if ".lora_" not in name}
    return facts, {plain(name) for name in _acted_on(model)}


def _acted_on(model: Any) -> Iterator[str]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in model.named_modules():
        if isinstance(module, BaseTunerLayer):
            yield f"{name}.{getattr(module, 'parameter_name', 'weight')}"


def audit(model: Any, before: dict[str, Facts], adapted: set[str], where: str) -> int:
    """How many tensors changed. Other names, shapes or types than the base's (and than those that the model's
    class makes), a change of what the adapter does not act on, and no change at all are an InputError."""
    after = {name: _facts(tensor) for name, tensor in model.state_dict().items()}
    with torch.device("meta"):
        stock = {name: tuple(value.shape) for name, value in type(model)(model.config).state_dict().items()}
    odd = sorted(before.keys() ^ after.keys() | stock.keys() ^ after.keys())
    odd += [name for name in after if name in before and after[name][:2] != before[name][:2]]
    odd += [name for name in after if name in stock and after[name][0] != stock[name]]
    if odd:
        raise InputError(
            f"{len(odd)} tensors of the merged model are not the base's in name, shape or type, such as {odd[0]}",
            where=where,
            remedy="Report this model family; its adapters cannot be merged",
        )
    changed = {name for name in after if after[name][2] != before[name][2]}
    if stray := sorted(changed - adapted - _tied(model, adapted)):
        raise InputError(
            f"the merge changed {len(stray)} tensors that the adapter does not act on, such as {stray[0]}",
            where=where,
            remedy="Report this model family; its adapters cannot be merged",
        )
    if not changed:
        raise InputError(
            f"the merge changes nothing: all {len(adapted)} adapted tensors kept their bits",
            where=where,
            remedy="Train the adapter first; a trained one is smaller than the base's type can hold",
        )
    return len(changed)


def _tied(model: Any, adapted: set[str]) -> set[str]:
    """Other names of adapted tensors."""
    places = {name: tensor.data_ptr() for name, tensor in model.state_dict().items()}
    acted = {places[name] for name in adapted if name in places}
    return {name for name, place in places.items() if place in acted}


def judge(proof: Proof, where: str) -> None:
    """An InputError where logits moved farther than rounding explains, or by half of what the adapter does."""
    moved, effect = proof.max_logit_difference, proof.adapter_effect
    figures = (
        f"a logit moves by {moved:.3g}, where the adapter moves one by {effect:.3g} and the largest is "
        f"{proof.max_logit:.3g}"
    )
    if not moved <= proof.tolerance:
        raise InputError(
            f"the merged model does not answer like the adapter: {figures}; {proof.tolerance:.3g} is allowed",
            where=where,
            remedy="Use the adapter without merging it, and report this model family",
        )
    if moved > effect / 2:
        raise InputError(
            f"the merge loses what the adapter does: {figures}",
            where=where,
            remedy="It is too small for the base's type: use it unmerged, or train it longer",
        )
