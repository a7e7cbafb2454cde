"""How a model sees: what a picture and a text cost in its tokens, and how small a picture becomes inside it.

A task plans with it how large its pictures must be; nothing here loads weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture as a model sees it.

    tokens: that it takes in the prompt, separators included. scale: pixels that the vision encoder gets for one
    pixel of the picture's height, at the finest view it takes of all of it (tiles count); 1 leaves it as it is,
    0.5 halves letters. width, height: of that finest view, in pixels.
    """

    tokens: int
    scale: float
    width: int
    height: int


class Sight(Protocol):
    name: str
    exact: bool
    """False where no tokenizer is at hand and texts are counted by an estimate."""

    @property
    def positions(self) -> int | None:
        """Tokens of pictures, texts and answer together that the model can take; None where that is not known."""
        ...

    def text_tokens(self, text: str) -> int:
        """Tokens of a text, without any that begin or end it."""
        ...

    def picture(self, width: int, height: int) -> Seen:
        """What becomes of a picture of so many pixels."""
        ...
