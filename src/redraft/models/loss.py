"""The loss of a batch: summed over its supervised tokens, so that the caller decides what to divide it by.

A mean a micro-batch, averaged over micro-batches, weighs tokens of short answers more; the sum does not.

Logits are made for supervised positions alone, some at a time, inside the model's own call of its head, so that
wrappers for adapters, several processes or a mixed precision work as ever. What the model does to its logits
behind the head is read from its configuration and held against the model once; a model that does something else
makes all its logits, as transformers would.
"""

from __future__ import annotations

import inspect
import logging
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from redraft.models.collate import Batch, forward, unwrapped
from redraft.models.encode import IGNORE
from redraft.models.families import Family
from redraft.models.head_loss import Finish, finish_of, head_losses

__all__ = ["CHUNK", "loss_per_example", "summed_loss", "unwrapped"]

CHUNK = 256
"""Supervised tokens whose logits are made at once, where the caller says nothing."""
log = logging.getLogger(__name__)


def summed_loss(model: Any, batch: Batch, *, chunk: int = CHUNK, family: Family | None = None) -> Tensor:
    """The summed cross-entropy in nats of all supervised tokens of the batch, a float32 scalar.

    chunk: tokens whose logits are made at once; 0 makes those of the whole batch. Chunks change the sum by no more
    than the rounding of float32.
    """
    return _token_losses(model, batch, chunk, family, summed=True).sum()


def loss_per_example(
    model: Any, batch: Batch, *, chunk: int = CHUNK, family: Family | None = None
) -> tuple[Tensor, Tensor]:
    """(summed cross-entropy of the supervised tokens in nats, their number), float32 and int64 [examples].

    For padded and for packed batches; each example's loss has its own gradient.
    """
    supervised = batch.labels[:, 1:] != IGNORE
    losses = _token_losses(model, batch, chunk, family, summed=False)
    owners = batch.owners()[:, 1:][supervised]
    sums = losses.new_zeros(len(batch.ids)).index_add(0, owners, losses)
    return sums, torch.bincount(owners, minlength=len(batch.ids))


def _token_losses(model: Any, batch: Batch, chunk: int, family: Family | None, summed: bool) -> Tensor:
    """Losses of the supervised tokens in the order of rows: float32 [N], or [1] where only their sum is asked."""
    inner = unwrapped(model)
    head = inner.get_output_embeddings()
    if chunk == 0 or not isinstance(head, nn.Module) or _known.get(inner) is False:
        return _plain(model, batch, family)
    finish = finish_of(inner.config)
    proved = _known.get(inner, False)
    random = [] if proved else _random_states(batch.labels.device)
    with _replaced(head, batch, chunk, finish, summed, probe=not proved) as found:
        output = forward(model, batch, family)
    if not proved:
        _known[inner] = found.losses is not None and _agrees(found.probe, output.logits, finish)
        if not _known[inner]:
            log.warning("%s makes its logits in a way of its own: all of them are made", type(inner).__name__)
            _set_random_states(
                random
            )  # as if the model had been called once, so that a resumed run draws the same
            return _plain(model, batch, family)
    # The model's own output must be part of the graph: wrappers that shard weights wait for its gradient.
    losses: Tensor = found.losses + 0.0 * output.logits.float().sum()
    return losses


_known: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()
"""Models whose head was tried: whether their logits are the head's with what `finish_of` says."""


class _Found:
    losses: Any = None
    probe: Any = None


@contextmanager
def _replaced(
    head: nn.Module, batch: Batch, chunk: int, finish: Finish, summed: bool, probe: bool
) -> Iterator[_Found]:
    """While it lasts, the head takes the hidden states [B, L, D] and keeps the losses of the supervised ones.

    It returns a zero that hangs on them, or for a probe the logits of the first position.
    """
    found = _Found()
    targets = batch.labels[:, 1:]
    supervised = targets != IGNORE
    own: Callable[..., Tensor] = head.forward
    before = head.__dict__.get("forward")

    def instead(hidden: Tensor, *rest: Any, **more: Any) -> Tensor:
        if rest or more or hidden.shape[:2] != batch.labels.shape:
            return own(hidden, *rest, **more)
        chosen = hidden[:, :-1][supervised]
        found.losses = head_losses(head, own, chosen, targets[supervised], chunk, finish, summed)
        zero: Tensor = (0.0 * found.losses.sum()).view(1, 1, 1)
        if probe:
            devices = [hidden.device] if hidden.device.type == "cuda" else []
            with torch.no_grad(), torch.random.fork_rng(devices):
                found.probe = own(hidden[:1, :1])
            zero = zero + found.probe
        return zero

    head.forward = instead
    try:
        yield found
    finally:
        if before is None:
            del head.forward
        else:
            head.forward = before


def _random_states(device: torch.device) -> list[Tensor]:
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def _set_random_states(states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state(states[1])


def _agrees(probe: Tensor | None, logits: Tensor, finish: Finish) -> bool:
    if probe is None or logits.shape != probe.shape:
        return False
    expected = finish(probe.detach().float())
    slack = 8 * torch.finfo(probe.dtype).eps * max(float(expected.abs().max()), 1e-30)
    return bool((expected - logits.detach().float()).abs().max() <= slack)


def _plain(model: Any, batch: Batch, family: Family | None) -> Tensor:
    """Through all logits, or those from the first supervised position on where the model can leave others out."""
    targets = batch.labels[:, 1:]
    first = _first_supervised(targets)
    more = {}
    if first > 0 and _keeps_logits(unwrapped(model).__class__):
        more["logits_to_keep"] = batch.labels.shape[1] - first
    logits: Tensor = forward(model, batch, family, **more).logits[:, :-1]
    targets = targets[:, -logits.shape[1] :]
    chosen = targets != IGNORE
    return functional.cross_entropy(logits[chosen].float(), targets[chosen], reduction="none")


def _first_supervised(targets: Tensor) -> int:
    columns = (targets != IGNORE).any(dim=0).nonzero()
    return int(columns[0]) if len(columns) else 0


@lru_cache
def _keeps_logits(kind: Hashable) -> bool:
    return "logits_to_keep" in inspect.signature(kind.forward).parameters  # type: ignore[attr-defined]
