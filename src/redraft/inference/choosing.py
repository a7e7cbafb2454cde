"""How the next token is chosen: the likeliest one, or one drawn with the row's own random numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import cast

import torch
from transformers import LogitsProcessor

WORD = 2**63
"""Seeds of torch generators are below this."""


class Choice(LogitsProcessor):
    """Leaves one token a row as the only maximum, and keeps its log-probability.

    Generation then takes the maximum, so torch's global random numbers are never drawn: an evaluation in the
    middle of training leaves the training's randomness as it was. Each row draws from its own generator, on the
    CPU, by adding Gumbel noise to the scaled logits (the Gumbel-max trick: the maximum is then a draw from the
    softmax), so its answer depends neither on the other rows of the batch nor on the device.

    seeds: one a row, None for a greedy row. temperatures: one a row. top_ps: one a row, the least share of the
    probability whose likeliest tokens are drawn from; 1 draws from all. The log-probabilities are those of the
    model itself, at temperature 1.
    """

    def __init__(
        self, seeds: Sequence[int | None], temperatures: Sequence[float], top_ps: Sequence[float] = ()
    ) -> None:
        self.temperatures, self.top_ps = temperatures, top_ps or [1.0] * len(temperatures)
        self.generators = [None if seed is None else torch.Generator().manual_seed(seed) for seed in seeds]
        self.logprobs: list[torch.Tensor] = []
        """One [B] tensor a generated token."""

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        logits_BV = scores.float()
        noisy_BV = logits_BV
        if any(self.generators):
            noisy_BV = logits_BV.clone()
            for row, generator in enumerate(self.generators):
                if generator is not None:
                    uniform_V = torch.rand(logits_BV.shape[1], generator=generator, dtype=torch.float64)
                    gumbel_V = -torch.log(-torch.log(uniform_V.clamp(1e-300, 1 - 1e-16)))
                    scaled_V = nucleus(logits_BV[row] / self.temperatures[row], self.top_ps[row])
                    noisy_BV[row] = scaled_V + gumbel_V.to(logits_BV)
        token_B = noisy_BV.argmax(dim=-1)
        logprob_BV = torch.log_softmax(logits_BV, dim=-1)
        self.logprobs.append(logprob_BV.gather(1, token_B[:, None])[:, 0])
        only_BV = torch.full_like(scores, float("-inf"))
        return cast(torch.FloatTensor, only_BV.scatter(1, token_B[:, None], 0.0))


def nucleus(logits_V: torch.Tensor, top_p: float) -> torch.Tensor:
    """The logits without the tokens beyond the likeliest that together have the probability top_p; never none."""
    if top_p >= 1:
        return logits_V
    sorted_V, order_V = logits_V.sort(descending=True)
    likely_V = torch.softmax(sorted_V, dim=-1)
    beyond_V = likely_V.cumsum(dim=-1) - likely_V >= top_p
    beyond_V[0] = False
    return logits_V.index_fill(0, order_V[beyond_V], float("-inf"))


def row_seed(seed: int, example_id: str, sample: int) -> int | None:
    """The seed of an example's n-th answer: the same whatever else is asked; None for the greedy one (n = 0)."""
    if sample == 0:
        return None
    digest = hashlib.sha256(f"{seed}\0{example_id}\0{sample}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % WORD
