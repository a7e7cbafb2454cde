"""Who wants to see each token of an answer while it is written, and may end it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import torch
from transformers import StoppingCriteria


class Watch(Protocol):
    @property
    def begun(self) -> bool:
        """Whether it was told a token yet."""
        ...

    def token(self, id: int, logprob: float) -> bool:
        """The next token of its answer, its end token included. True ends the answer here.

        It is called from inside of the generation, for all rows of a batch: it must be quick and must not raise.
        """
        ...


class WatchStop(StoppingCriteria):
    """Tells each row's watch its new token, and ends the rows whose watch wants it; the others go on.

    logprobs: grows by one [B] tensor a token, before this is called (see `choosing.Choice`). It costs one transfer
    from the device a token.
    """

    def __init__(
        self,
        watches: Sequence[Watch | None],
        end_ids: Sequence[int],
        limits: Sequence[int],
        logprobs: Sequence[torch.Tensor],
    ) -> None:
        self.watches, self.end_ids, self.limits = watches, frozenset(end_ids), limits
        self.logprobs = logprobs
        self.count = 0
        self.ended = [False] * len(watches)

    def __call__(self, input_ids: torch.LongTensor, scores: Any, **more: Any) -> torch.BoolTensor:
        self.count += 1
        tokens, logprobs = input_ids[:, -1].tolist(), self.logprobs[-1].tolist()
        stopped = list(self.ended)
        for row, watch in enumerate(self.watches):
            if self.ended[row]:
                continue
            wished = watch is not None and watch.token(tokens[row], logprobs[row])
            stopped[row] = wished
            self.ended[row] = wished or tokens[row] in self.end_ids or self.count >= self.limits[row]
        return cast(torch.BoolTensor, torch.tensor(stopped, device=input_ids.device))
