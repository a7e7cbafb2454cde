"""What a model answered, before anything has judged it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from redraft.core.example import Example


@dataclass(frozen=True, slots=True)
class Prediction:
    """text: the answer without special tokens. finish: "stop" at the end token, "length" at the limit, "loop"
    where the answer repeated itself and was ended; its text then holds the repeated piece once.

    tokens: how many were generated. seconds: wall time of its batch divided by the batch's size.
    logprob: the mean log-probability of a generated token, where the engine knows it.
    """

    id: str
    text: str
    finish: Literal["stop", "length", "loop"]
    tokens: int
    seconds: float
    logprob: float | None = None


class Predictor(Protocol):
    """Answers examples; the same object serves evaluation and reconstruction."""

    name: str

    def predict(self, examples: Sequence[Example], *, samples: int = 1) -> list[list[Prediction]]:
        """samples answers an example: the first one greedy, the others drawn, each list best first."""
        ...
