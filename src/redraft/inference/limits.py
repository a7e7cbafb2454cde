"""How long the answers of a batch may get: as asked for, and as far as the model's positions reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from transformers import StoppingCriteria

from redraft.core.errors import InputError


def answer_limits(
    prompts: Sequence[int], ids: Sequence[str], longest: int, positions: int | None, where: str
) -> list[int]:
    """Tokens that each answer may have. prompts: tokens of each prompt. One without room for an answer is an
    InputError."""
    if positions is None:
        return [longest] * len(prompts)
    for tokens, name in zip(prompts, ids, strict=True):
        if tokens >= positions:
            raise InputError(
                f"{tokens:,} tokens with its pictures leave no room for an answer in the {positions:,} of {where}",
                where=name,
                remedy="Show fewer or smaller pictures, or take a model with more positions",
            )
    return [min(longest, positions - tokens) for tokens in prompts]


class RoomStop(StoppingCriteria):
    """Ends each row of a batch at its own limit; the others go on."""

    def __init__(self, limits: Sequence[int], prompt: int) -> None:
        self.limits, self.prompt = torch.tensor(limits), prompt

    def __call__(self, input_ids: torch.LongTensor, scores: Any, **more: Any) -> torch.BoolTensor:
        self.limits = self.limits.to(input_ids.device)
        return cast(torch.BoolTensor, input_ids.shape[1] - self.prompt >= self.limits)
