"""Encodings -> Batch: padded token rows and pictures one after another.

Shapes: B examples, L tokens of the longest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from redraft.models.encode import IGNORE, Encoding


@dataclass(frozen=True, slots=True)
class Batch:
    """inputs: what the model's forward takes, without labels. labels: int64 [B, L]. ids: of the examples."""

    inputs: dict[str, Tensor]
    labels: Tensor
    ids: tuple[str, ...]

    @property
    def supervised(self) -> int:
        """How many tokens carry loss; the first token of a row has nothing before it and never does."""
        return int((self.labels[:, 1:] != IGNORE).sum())

    def to(self, device: torch.device | str) -> Batch:
        moved = {name: value.to(device) for name, value in self.inputs.items()}
        return Batch(moved, self.labels.to(device), self.ids)


def collate(encodings: Sequence[Encoding], pad_id: int, side: Literal["left", "right"] = "right") -> Batch:
    """side: "right" pads behind the tokens (training), "left" before them (answering, where rows go on)."""
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
    pixels = [e.pixel_values for e in encodings if e.pixel_values is not None]
    if pixels:
        inputs["pixel_values"] = _join(pixels)
    for name in sorted({name for e in encodings for name in e.extra}):
        having = [e for e in encodings if name in e.extra]
        if all(name in e.per_token for e in having):
            zeros = torch.zeros(0, dtype=having[0].extra[name].dtype)
            inputs[name] = rows([e.extra.get(name, zeros) for e in encodings], 0)
        else:
            inputs[name] = _join([e.extra[name] for e in having])
    labels = rows([e.labels for e in encodings], IGNORE)
    return Batch(inputs, labels, tuple(e.id for e in encodings))


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


def forward(model: Any, batch: Batch, **more: Any) -> Any:
    """The model's output for a batch, without its own loss."""
    return model(**batch.inputs, use_cache=False, **more)
