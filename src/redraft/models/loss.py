"""The loss of a batch: summed over its supervised tokens, so that the caller decides what to divide it by.

A mean a micro-batch, averaged over micro-batches, weighs tokens of short answers more; the sum does not.
"""

from __future__ import annotations

import inspect
from collections.abc import Hashable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from redraft.models.collate import Batch, forward
from redraft.models.encode import IGNORE


def loss_per_example(model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    """(summed cross-entropy of the supervised tokens in nats, their number), float32 and int64 [B].

    Logits are computed only from the first supervised position on, where the model can leave the others out.
    """
    targets = batch.labels[:, 1:]
    first = _first_supervised(targets)
    more = {}
    if first > 0 and _keeps_logits(unwrapped(model).__class__):
        more["logits_to_keep"] = batch.labels.shape[1] - first
    logits = forward(model, batch, **more).logits[:, :-1]
    targets = targets[:, -logits.shape[1] :]
    losses = functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORE, reduction="none"
    )
    return losses.view(targets.shape).sum(dim=1), (targets != IGNORE).sum(dim=1)


def summed_loss(model: Any, batch: Batch) -> Tensor:
    """The summed cross-entropy of all supervised tokens of the batch, a float32 scalar."""
    return loss_per_example(model, batch)[0].sum()


def _first_supervised(targets: Tensor) -> int:
    columns = (targets != IGNORE).any(dim=0).nonzero()
    return int(columns[0]) if len(columns) else 0


def unwrapped(model: Any) -> Any:
    """The transformers model inside adapters and wrappers for several processes."""
    while True:
        if hasattr(model, "module") and isinstance(model.module, torch.nn.Module):
            model = model.module
        elif hasattr(model, "get_base_model"):
            model = model.get_base_model()
        else:
            return model


@lru_cache
def _keeps_logits(kind: Hashable) -> bool:
    return "logits_to_keep" in inspect.signature(kind.forward).parameters  # type: ignore[attr-defined]
