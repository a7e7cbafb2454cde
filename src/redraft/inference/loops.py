"""Answers that repeat themselves without end: found while they are written, and ended.

A loop is one piece, at least THRICE over at the end of what was written, over at least so many tokens in all. The
piece may be a word or a page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import StoppingCriteria

THRICE = 3
PIECE = re.compile(r"[\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\W_]+|\s+|.", re.DOTALL)
"""What stands for a token where only a text is known: a word, a space, a sign, or a letter of a script without
spaces."""


@dataclass(frozen=True, slots=True)
class Loop:
    """end: tokens written when the loop was seen. kept: tokens up to and with its piece for the first time."""

    end: int
    kept: int


class LoopStop(StoppingCriteria):
    """Ends the rows of a batch that loop; the others go on.

    least: tokens that a loop covers. prompt: tokens before the answers. end_ids: what ends an answer by itself.

    For every row and period p it counts how many tokens in a row were equal to the one p before: [B, longest
    period], one comparison a step, on the device. What was found is fetched once, at the end.
    """

    def __init__(self, least: int, prompt: int, limit: int, end_ids: Sequence[int]) -> None:
        self.least, self.prompt, self.end_ids = least, prompt, end_ids
        self.longest = max(limit // THRICE, 1)
        self._runs_BP: Tensor | None = None
        self._ended_B: Tensor
        self._found_B2: Tensor
        """Tokens written, and tokens kept, of each row that loops; zeros of the others."""
        self._needed_P: Tensor

    def __call__(self, input_ids: torch.LongTensor, scores: Any, **more: Any) -> torch.BoolTensor:
        if self._runs_BP is None:
            self._begin(input_ids)
        assert self._runs_BP is not None
        count = input_ids.shape[1] - self.prompt
        last_B = input_ids[:, -1]
        reach = min(self.longest, count - 1)
        if reach > 0:
            before_BP = input_ids[:, -1 - reach : -1].flip(1)  # column p - 1 is p tokens back
            same_BP = before_BP == last_B[:, None]
            self._runs_BP[:, :reach] = (self._runs_BP[:, :reach] + 1) * same_BP
            full_BP = self._runs_BP >= self._needed_P
            loops_B = full_BP.any(1) & ~self._ended_B
            period_B = full_BP.int().argmax(1)  # the shortest
            run_B = self._runs_BP.gather(1, period_B[:, None])[:, 0]
            found_B2 = torch.stack([torch.full_like(run_B, count), count - run_B], dim=1)
            self._found_B2 = torch.where(loops_B[:, None], found_B2, self._found_B2)
            self._ended_B |= loops_B
        stopped_B = self._ended_B.clone()
        self._ended_B |= torch.isin(last_B, self._ends)
        return cast(torch.BoolTensor, stopped_B)

    def found(self) -> list[Loop | None]:
        """The loop of each row; None for a row without."""
        if self._runs_BP is None:
            return []
        return [Loop(end, kept) if end else None for end, kept in self._found_B2.tolist()]

    def _begin(self, ids: Tensor) -> None:
        rows, device = ids.shape[0], ids.device
        self._runs_BP = torch.zeros(rows, self.longest, dtype=torch.int64, device=device)
        self._needed_P = torch.tensor(needed(self.longest, self.least), device=device)
        self._ended_B = torch.zeros(rows, dtype=torch.bool, device=device)
        self._found_B2 = torch.zeros(rows, 2, dtype=torch.int64, device=device)
        self._ends = torch.tensor(list(self.end_ids), device=device)


def needed(longest: int, least: int) -> NDArray[np.int64]:
    """Tokens in a row that must be equal to the one p before, for p = 1 to longest: int64 [longest]."""
    period = np.arange(1, longest + 1)
    return np.maximum((THRICE - 1) * period, least - period)


def find_loop(tokens: Sequence[Any], least: int) -> Loop | None:
    """The first loop of a finished sequence: where `LoopStop` would have ended it."""
    names = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    ids = np.array([names[token] for token in tokens], dtype=np.int64)
    found: tuple[int, int, int] | None = None
    for period, wanted in enumerate(needed(max(len(ids) // THRICE, 1), least).tolist(), start=1):
        same = ids[period:] == ids[:-period]
        places = np.arange(len(same))
        breaks = np.maximum.accumulate(np.where(same, -1, places)) if len(same) else places
        full = np.flatnonzero(places - breaks >= wanted)
        if len(full):
            end = int(full[0]) + period + 1
            if found is None or end < found[0]:
                found = (end, period, wanted)
    return None if found is None else Loop(found[0], found[0] - found[2])


def pieces(text: str) -> list[str]:
    """A text in parts that stand for its tokens; joined they are the text."""
    return PIECE.findall(text)
