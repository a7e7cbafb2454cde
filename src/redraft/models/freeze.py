"""Freezes parts of a model by name, and says how many numbers are frozen and how many are trained.

The part's module is looked up by the names that model families use; nothing found is an error, because a freeze
that freezes nothing is a mistake that costs a run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

from redraft.core.errors import RecipeError

NAMES = {
    "vision": (
        "vision_tower",
        "visual",
        "vision_model",
        "vision_encoder",
        "vision_backbone",
        "image_tower",
        "encoder",
    ),
    "projector": (
        "multi_modal_projector",
        "mm_projector",
        "projector",
        "connector",
        "merger",
        "aligner",
        "modality_projection",
    ),
}
"""Attribute names of a part, the likeliest first; used where transformers' own look-up finds nothing."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers (not tensors) of a model that are frozen and that are trained."""

    frozen: int
    trainable: int

    def __str__(self) -> str:
        share = self.trainable / max(self.frozen + self.trainable, 1)
        return f"FROZEN {self.frozen:,} TRAINABLE {self.trainable:,} parameters ({share:.1%} trained)"


def vision_modules(model: Any) -> list[tuple[str, nn.Module]]:
    """The vision encoder by name, empty where none is found."""
    return _named(model, NAMES["vision"])


def language_module(model: Any) -> tuple[str, nn.Module]:
    """The language model inside a vision-language model, with its dotted name."""
    decoder = model.get_decoder()
    for name, module in model.named_modules():
        if module is decoder and name:
            return name, module
    raise RecipeError(
        "no language model is found inside this model",
        where="model.base",
        remedy="Give `model.adapter: null` to train it whole, or choose another family",
    )


def freeze(model: Any, parts: Iterable[str]) -> Counts:
    """Stops the gradients of these parts ("vision", "projector", "embeddings") and counts.

    A part without any parameter in this model is a RecipeError.
    """
    for part in parts:
        if part == "embeddings":
            modules: list[nn.Module] = [model.get_input_embeddings()]
        else:
            modules = [module for _, module in _named(model, NAMES[part])]
        frozen = 0
        for module in modules:
            for parameter in module.parameters():
                parameter.requires_grad_(False)
                frozen += parameter.numel()
        if frozen == 0:
            raise RecipeError(
                f"model.freeze names '{part}', and nothing in this model matches it",
                where=type(model).__name__,
                remedy=f"Remove '{part}' from model.freeze; the model's parts are "
                + ", ".join(name for name, _ in _children(model)),
            )
    return count(model)


def count(model: nn.Module) -> Counts:
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return Counts(sum(p.numel() for p in model.parameters()) - trainable, trainable)


def _named(model: nn.Module, names: tuple[str, ...]) -> list[tuple[str, nn.Module]]:
    """The outermost modules with the first of these attribute names that occurs."""
    for wanted in names:
        found = [(name, module) for name, module in model.named_modules() if name.split(".")[-1] == wanted]
        outer = [(n, m) for n, m in found if not any(n.startswith(o + ".") for o, _ in found if o != n)]
        if outer:
            return outer
    return []


def _children(model: nn.Module) -> list[tuple[str, nn.Module]]:
    inner = getattr(model, "model", None)
    return [*model.named_children(), *(inner.named_children() if isinstance(inner, nn.Module) else [])]
