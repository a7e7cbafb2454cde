"""Several examples in one row, each blind to the others, in place of padding.

Positions begin again with each example, as its family counts them. Attention stays inside an example: by our own
segment attention (models/segments.py), by FlashAttention's variable lengths, or by the mask that transformers
makes from positions that begin again.

Shapes: n examples of L tokens together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from redraft.core.errors import RecipeError
from redraft.models.collate import (
    Batch,
    collate,
    joined_features,
    joined_inputs,
    per_token,
    unwrapped,
)
from redraft.models.encode import IGNORE, Encoding
from redraft.models.families import Family, family_of
from redraft.models.loss import loss_per_example
from redraft.models.segments import SEGMENTS, implementation, segments, use_segments

SLACK = 1e-3
"""How far the loss of a packed example may lie from its own, as a part of it; a leak is far above in fp32."""


def pack(model: Any, encodings: Sequence[Encoding], family: Family | None = None) -> Batch:
    """One row of all examples in their order: a Batch whose tensors have one row and whose `lengths` are theirs.

    The first token of an example follows one of another example and carries no loss.
    """
    model = unwrapped(model)
    family = family or family_of(model.config.model_type)
    lengths = tuple(len(encoding) for encoding in encodings)
    labels = torch.cat([encoding.labels for encoding in encodings])
    starts = torch.tensor([0, *lengths[:-1]]).cumsum(0)
    labels[starts] = IGNORE
    inputs = {"input_ids": torch.cat([encoding.input_ids for encoding in encodings])[None]}
    for name in per_token(encodings):
        kind = next(e.extra[name].dtype for e in encodings if name in e.extra)
        parts = [e.extra.get(name, torch.zeros(len(e), dtype=kind)) for e in encodings]
        inputs[name] = torch.cat(parts)[None]
    alone = [_inputs_alone(encoding) for encoding in encodings]
    inputs["position_ids"] = torch.cat([family.positions(model, one) for one in alone], dim=-1).unsqueeze(-2)
    if implementation(model) == SEGMENTS:
        inputs["attention_mask"] = segments(lengths, tuple(family.both_ways(one) for one in alone))
    inputs |= joined_inputs(encodings)
    return Batch(inputs, labels[None], tuple(e.id for e in encodings), joined_features(encodings), lengths)


def _inputs_alone(encoding: Encoding) -> dict[str, Tensor]:
    """What the family's positions may depend on, as of a batch of one example: no pixels."""
    tokens = {name: encoding.extra[name][None] for name in encoding.per_token if name in encoding.extra}
    others = {name: value for name, value in encoding.extra.items() if name not in encoding.per_token}
    return {"input_ids": encoding.input_ids[None], **tokens, **others}


def rows(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Places of examples put together into rows of at most `most` tokens, first fit over falling lengths, so that
    little of a row stays empty. A longer example has a row of its own. The same lengths give the same rows."""
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    found: list[list[int]] = []
    room: list[int] = []
    for place in order:
        need = lengths[place]
        at = next((i for i, free in enumerate(room) if free >= need), None)
        if at is None:
            found.append([place])
            room.append(most - need)
        else:
            found[at].append(place)
            room[at] -= need
    return [sorted(row) for row in sorted(found, key=min)]


def enable_packing(model: Any, encodings: Sequence[Encoding], pad_id: int, family: Family | None = None) -> None:
    """Makes the model ready for packed rows, and proves on some examples that packed ones do not see each other.

    encodings: two or more. A model that cannot be packed, or whose packed losses differ, is a RecipeError.
    """
    family = family or family_of(unwrapped(model).config.model_type)
    if not family.packs:
        raise RecipeError(
            f"examples of the family {family.name} cannot share a row",
            where="train.pack",
            remedy="Give pack: false; batch_tokens alone puts examples of like length together",
        )
    use_segments(model)
    device = next(unwrapped(model).parameters()).device
    packed, apart = pack(model, encodings, family).to(device), collate(encodings, pad_id).to(device)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            mine, theirs = (loss_per_example(model, batch, family=family)[0] for batch in (packed, apart))
    finally:
        model.train(was_training)
    off = float(((mine - theirs).abs() / theirs.abs().clamp(min=1e-6)).max())
    if not off <= SLACK:
        raise RecipeError(
            f"packed examples of this model do not have the losses they have alone ({off:.1%} apart)",
            where="train.pack",
            remedy="Give pack: false, or model.attention: sdpa",
        )
