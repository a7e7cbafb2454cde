"""How long prompts and answers may get: as asked for, and as far as the model's positions reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, cast, runtime_checkable

import torch
from transformers import StoppingCriteria

from redraft.core.errors import InputError
from redraft.core.example import Example
from redraft.core.prediction import Predictor
from redraft.core.work import Work


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


def those_that_fit(
    examples: Iterable[Example], predictors: Sequence[Predictor], work: Work, *, stop: bool = False
) -> list[Example]:
    """The examples that each of the predictors can read and has room for; the others are left out, and listed.

    stop: makes the first of the others an InputError. Predictors that count no tokens, such as servers, take all.
    """
    checks = [predictor for predictor in predictors if isinstance(predictor, ChecksLength)]
    found = []
    for example in examples:
        try:
            for predictor in checks:
                predictor.check_length(example)
        except InputError as error:
            if stop:
                raise
            work.left_out(example.id, f"not evaluated: {error.what}")
        else:
            found.append(example)
    return found


@runtime_checkable
class ChecksLength(Protocol):
    def check_length(self, example: Example) -> None:
        """Raises InputError where the model cannot read the example, or has no room for its answer."""
        ...


class RoomStop(StoppingCriteria):
    """Ends each row of a batch at its own limit; the others go on."""

    def __init__(self, limits: Sequence[int], prompt: int) -> None:
        self.limits, self.prompt = torch.tensor(limits), prompt

    def __call__(self, input_ids: torch.LongTensor, scores: Any, **more: Any) -> torch.BoolTensor:
        self.limits = self.limits.to(input_ids.device)
        return cast(torch.BoolTensor, input_ids.shape[1] - self.prompt >= self.limits)
