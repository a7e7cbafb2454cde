"""Freezes parts of a model, groups what is trained for the optimiser, and says what is frozen and what is trained.

Nothing found is an error everywhere here, because a freeze that freezes nothing is a mistake that costs a run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

from redraft.core.errors import RecipeError
from redraft.models.groups import get_parameter_groups
from redraft.models.parts import children, language_module, numbers, parameters_of, part_modules
from redraft.models.summary import print_parameter_summary
from redraft.models.validation import validate_vision_model

__all__ = ["Counts", "count", "freeze", "freeze_embeddings", "freeze_vision_encoder", "get_parameter_groups",
           "language_module", "print_parameter_summary", "validate_vision_model", "vision_modules"]  # fmt: skip


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
    return part_modules(model, "vision")


def freeze_vision_encoder(model: Any) -> Counts:
    """Stops the gradients of the vision encoder; the projector behind it stays as it is.

    Returns what is frozen and trained afterwards. A model without a vision encoder is a RecipeError.
    """
    return freeze(model, ["vision"])


def freeze_embeddings(model: Any) -> Counts:
    """Stops the gradients of the input embeddings, and so of the output's where the two are tied.

    Returns what is frozen and trained afterwards. A model without embeddings is a RecipeError.
    """
    return freeze(model, ["embeddings"])


def freeze(model: Any, parts: Iterable[str]) -> Counts:
    """Stops the gradients of these parts ("vision", "projector", "embeddings") and counts.

    A part without any parameter in this model is a RecipeError.
    """
    for part in parts:
        frozen = 0
        for _, parameter in parameters_of(model, part):
            parameter.requires_grad_(False)
            frozen += numbers(parameter)
        if frozen == 0:
            raise RecipeError(
                f"model.freeze names '{part}', and nothing in this model matches it",
                where=type(model).__name__,
                remedy=f"Remove '{part}' from model.freeze; the model's parts are {', '.join(children(model))}",
            )
    return count(model)


def count(model: nn.Module) -> Counts:
    trainable = sum(numbers(p) for p in model.parameters() if p.requires_grad)
    return Counts(sum(numbers(p) for p in model.parameters()) - trainable, trainable)
