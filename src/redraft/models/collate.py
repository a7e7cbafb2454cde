"""Encodings -> Batch: padded token rows and pictures one after another.

Shapes: B examples, L tokens of the longest one. A packed row (models/packing.py) is a Batch with one row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from redraft.models.encode import IGNORE, Encoding
from redraft.models.families import Family, family_of
from redraft.models.families.base import inner as unwrapped

__all__ = [
    "Batch",
    "collate",
    "forward",
    "joined_features",
    "joined_inputs",
    "on_device",
    "per_token",
    "unwrapped",
    "with_features",
]


@dataclass(frozen=True, slots=True)
class Batch:
    """inputs: what the model's forward takes, without labels. labels: int64 [B, L], or [1, L] of a packed row.
    ids: of the examples. features: of the vision side, joined over the examples, in place of its pixel inputs.
    lengths: tokens of each example of a packed row, in order; empty where every example has a row of its own."""

    inputs: dict[str, Tensor]
    labels: Tensor
    ids: tuple[str, ...]
    features: dict[str, Tensor] | None = None
    lengths: tuple[int, ...] = ()

    @property
    def supervised(self) -> int:
        """How many tokens carry loss; the first token of an example has nothing before it and never does."""
        return int((self.labels[:, 1:] != IGNORE).sum())

    def owners(self) -> Tensor:
        """The place in `ids` of the example that each token belongs to: int64 [B, L], or [1, L] when packed."""
        device = self.labels.device
        if self.lengths:
            counts = torch.tensor(self.lengths, device=device)
            return torch.repeat_interleave(torch.arange(len(self.lengths), device=device), counts)[None]
        return torch.arange(len(self.ids), device=device)[:, None].expand(self.labels.shape)

    def to(self, device: torch.device | str) -> Batch:
        def moved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: value.to(device, non_blocking=True) for name, value in tensors.items()}

        features = moved(self.features) if self.features is not None else None
        return replace(self, inputs=moved(self.inputs), labels=self.labels.to(device), features=features)


def with_features(encoding: Encoding, features: dict[str, Tensor] | None, family: Family) -> Encoding:
    """The encoding without what only the vision side reads, and with its features in their place."""
    extra = {name: value for name, value in encoding.extra.items() if name not in family.pixel_inputs}
    return replace(encoding, pixel_values=None, extra=extra, features=features)


def collate(encodings: Sequence[Encoding], pad_id: int, side: Literal["left", "right"] = "right") -> Batch:
    """side: "right" pads behind the tokens (training), "left" before them (answering, where rows go on).

    Encodings with features and encodings with pixels cannot share a batch: a model takes one or the other.
    """
    longest = max(len(encoding) for encoding in encodings)

    def rows(values: Sequence[Tensor], fill: int) -> Tensor:
        padded = []
        for value in values:
            gap = longest - value.shape[0]
            padded.append(functional.pad(value, (gap, 0) if side == "left" else (0, gap), value=fill))
        return torch.stack(padded)

    inputs = {
        "input_ids": rows([e.input_ids for e in encodings], pad_id),
        "attention_mask": rows([torch.ones_like(e.input_ids) for e in encodings], 0),
    }
    for name in per_token(encodings):
        kind = next(e.extra[name].dtype for e in encodings if name in e.extra)
        nothing = torch.zeros(0, dtype=kind)
        inputs[name] = rows([e.extra.get(name, nothing) for e in encodings], 0)
    inputs |= joined_inputs(encodings)
    labels = rows([e.labels for e in encodings], IGNORE)
    return Batch(inputs, labels, tuple(e.id for e in encodings), joined_features(encodings))


def per_token(encodings: Sequence[Encoding]) -> list[str]:
    """Names of the further inputs that have one value a token."""
    names = {name for e in encodings for name in e.extra}
    return sorted(n for n in names if all(n in e.per_token for e in encodings if n in e.extra))


def joined_inputs(encodings: Sequence[Encoding]) -> dict[str, Tensor]:
    """The inputs that belong to pictures and not to tokens, those of all examples one after another."""
    found: dict[str, Tensor] = {}
    pixels = [e.pixel_values for e in encodings if e.pixel_values is not None]
    if pixels:
        found["pixel_values"] = _join(pixels)
    tokens = per_token(encodings)
    for name in sorted({name for e in encodings for name in e.extra if name not in tokens}):
        found[name] = _join([e.extra[name] for e in encodings if name in e.extra])
    return found


def joined_features(encodings: Sequence[Encoding]) -> dict[str, Tensor] | None:
    """The features of all examples one after another; None where no example has any."""
    having = [e.features for e in encodings if e.features]
    if not having:
        return None
    if any(e.pixel_values is not None for e in encodings):
        raise ValueError("some examples of a batch have features and others pixels")
    return {name: torch.cat([features[name] for features in having]) for name in having[0]}


def _join(values: Sequence[Tensor]) -> Tensor:
    """One after another along the first dimension; where the others differ, padded with zeros at their ends."""
    shapes = {tuple(value.shape[1:]) for value in values}
    if len(shapes) > 1:
        largest = [max(sizes) for sizes in zip(*shapes, strict=True)]
        values = [functional.pad(value, _gaps(value, largest)) for value in values]
    return torch.cat(list(values))


def _gaps(value: Tensor, largest: Sequence[int]) -> list[int]:
    gaps: list[int] = []
    for size, most in zip(reversed(value.shape[1:]), reversed(largest), strict=True):
        gaps += [0, most - size]
    return gaps


def on_device(batch: Batch, model: Any) -> Batch:
    """Where the model is. Floating inputs take the type of its weights: half weights do not take full pixels."""
    core = unwrapped(model)
    inputs = {
        name: value.to(core.device, core.dtype) if value.is_floating_point() else value.to(core.device)
        for name, value in batch.inputs.items()
    }
    return Batch(inputs, batch.labels.to(core.device), batch.ids)


def forward(model: Any, batch: Batch, family: Family | None = None, **more: Any) -> Any:
    """The model's output for a batch, without its own loss.

    family: turns features into what the vision side would give; found by the model's type where it is None.
    """
    if batch.features is not None:
        family = family or family_of(unwrapped(model).config.model_type)
        more["mm_encoder_outputs"] = family.from_features(unwrapped(model), batch.features, batch.inputs)
    inputs: Mapping[str, Tensor] = batch.inputs
    return model(**inputs, use_cache=False, **more)
