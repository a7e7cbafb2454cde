"""Cross-entropy of hidden states through a model's head, some tokens at a time, without ever holding all logits.

The logits of N tokens over a vocabulary of V are N x V numbers, and a plain loss keeps two to four copies of them
for the way back; with V = 129,280 that is more than everything else of a small model. Here the gradient of a chunk
is made as soon as its logits are there, and the chunk is thrown away.

Shapes: N supervised tokens, D width of the hidden states, V tokens of the vocabulary, C of a chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

BLOCK = 1 << 21
"""Logits of which the softmax is made at once, about what a processor's cache holds."""


@dataclass(frozen=True, slots=True)
class Finish:
    """What a model does to its logits behind the head: divided by `divisor`, then held between -cap and cap by
    cap * tanh(x / cap)."""

    divisor: float = 1.0
    cap: float | None = None

    def __call__(self, logits: Tensor) -> Tensor:
        if self.divisor != 1.0:
            logits = logits / self.divisor
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)

    def undo_(self, gradient: Tensor, finished: Tensor) -> Tensor:
        """The gradient of the head's own logits from that of the finished ones, in place."""
        if self.cap is not None:
            gradient.mul_(1.0 - (finished / self.cap).square())
        return gradient if self.divisor == 1.0 else gradient.div_(self.divisor)


def finish_of(config: Any) -> Finish:
    """As the language model's configuration says: Granite's logits_scaling, Gemma's final_logit_softcapping."""
    text = config.get_text_config()
    divisor, cap = getattr(text, "logits_scaling", None), getattr(text, "final_logit_softcapping", None)
    return Finish(float(divisor or 1.0), float(cap) if cap else None)


def head_losses(
    head: nn.Module,
    call: Callable[[Tensor], Tensor],
    hidden: Tensor,
    targets: Tensor,
    chunk: int,
    finish: Finish,
    summed: bool,
) -> Tensor:
    """Losses in nats, float32 [N]; or [1], their sum, where only that is wanted.

    head: the module; call: its own way forward. hidden: [N, D] with gradients. targets: int64 [N].
    """
    if not torch.is_grad_enabled():
        pieces = [
            _losses(call(part), goal, finish)
            for part, goal in zip(torch.split(hidden, chunk), torch.split(targets, chunk), strict=True)
        ]
        losses = torch.cat(pieces) if pieces else hidden.new_zeros(0, dtype=torch.float32)
        return losses.sum().view(1) if summed else losses
    if summed and _plain_linear(head) and not _half_with_scaler(hidden):
        weight, bias = head.weight, head.bias
        return _LinearLoss.apply(hidden, weight, bias, targets, chunk, finish)  # type: ignore[no-any-return, no-untyped-call]

    def part_losses(part: Tensor, goal: Tensor) -> Tensor:
        return _losses(call(part), goal, finish)

    # A head that is more than a matrix (under an adapter, say), or losses that get gradients of their own: the
    # logits of each chunk are made again on the way back.
    pieces = [
        checkpoint(part_losses, part, goal, use_reentrant=False)
        for part, goal in zip(torch.split(hidden, chunk), torch.split(targets, chunk), strict=True)
    ]
    losses = torch.cat(pieces) if len(targets) else hidden.float().sum(-1)
    return losses.sum().view(1) if summed else losses


def _losses(logits: Tensor, targets: Tensor, finish: Finish) -> Tensor:
    return functional.cross_entropy(finish(logits.float()), targets, reduction="none")


def _plain_linear(head: nn.Module) -> bool:
    """A matrix and perhaps a bias, whose call nothing else listens to."""
    return type(head) is nn.Linear and not (head._backward_hooks or head._backward_pre_hooks)


def _half_with_scaler(hidden: Tensor) -> bool:
    """In fp16 the loss is scaled before its gradient is rounded to half, and the scale is known only then."""
    return _compute_dtype(hidden) == torch.float16


def _compute_dtype(hidden: Tensor) -> torch.dtype:
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype


class _LinearLoss(torch.autograd.Function):
    """The summed loss through a linear head; its gradients are made on the way forward, chunk by chunk.

    With p the softmax of a token's logits and y its target as a one-hot vector, the gradient of its loss by the
    logits is p - y.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        chunk: int,
        finish: Finish,
    ) -> Tensor:
        wants = ctx.needs_input_grad
        dtype = _compute_dtype(hidden)
        kept = weight.to(dtype)
        kept_bias = bias.to(dtype) if bias is not None else None
        by_hidden = torch.empty_like(hidden) if wants[0] else None
        by_weight = torch.zeros_like(weight, dtype=torch.float32) if wants[1] else None
        by_bias = torch.zeros_like(bias, dtype=torch.float32) if bias is not None and wants[2] else None
        total = torch.zeros(1, dtype=torch.float32, device=hidden.device)
        with torch.autocast(hidden.device.type, enabled=False):
            for start in range(0, len(targets), chunk):
                rows, goals = hidden[start : start + chunk].to(dtype), targets[start : start + chunk]
                gradient, loss = _gradient(functional.linear(rows, kept, kept_bias), goals, finish)
                total += loss
                by_logits = gradient.to(dtype)
                if by_hidden is not None:
                    by_hidden[start : start + chunk] = by_logits @ kept
                if by_weight is not None:
                    _add_product(by_weight, by_logits, rows)
                if by_bias is not None:
                    by_bias += gradient.sum(0)
        ctx.save_for_backward(*(g for g in (by_hidden, by_weight, by_bias) if g is not None))
        ctx.given = [by_hidden is not None, by_weight is not None, by_bias is not None]
        ctx.dtypes = [hidden.dtype, weight.dtype, bias.dtype if bias is not None else None]
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        saved = list(ctx.saved_tensors)
        found: list[Tensor | None] = []
        for given, dtype in zip(ctx.given, ctx.dtypes, strict=True):
            found.append((saved.pop(0) * upstream).to(dtype) if given else None)
        return (*found, None, None, None)


def _gradient(logits: Tensor, targets: Tensor, finish: Finish) -> tuple[Tensor, Tensor]:
    """(the gradient of the summed loss by the logits, float32 [C, V]; the summed loss). In place where it can."""
    logits = logits.float()
    total = torch.zeros((), dtype=torch.float32, device=logits.device)
    for rows, goals in zip(*_blocks(logits, targets), strict=True):
        finished = finish(rows)
        logs = torch.log_softmax(finished, dim=-1)
        goals = goals[:, None]
        total -= logs.gather(1, goals).sum()
        # `finished` may be `rows` itself, and is read only where a cap makes it a copy.
        torch.exp(logs, out=rows)
        rows.scatter_add_(1, goals, rows.new_full(goals.shape, -1.0))
        finish.undo_(rows, finished)
    return logits, total


def _blocks(logits: Tensor, targets: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    size = max(1, BLOCK // logits.shape[1]) if logits.device.type == "cpu" else max(1, len(logits))
    return torch.split(logits, size), torch.split(targets, size)


def _add_product(total: Tensor, by_logits: Tensor, rows: Tensor) -> None:
    """total [V, D] += by_logits^T [V, C] @ rows [C, D], summed in float32."""
    if rows.dtype == torch.float32:
        total.addmm_(by_logits.T, rows)
    else:
        total += by_logits.T @ rows
