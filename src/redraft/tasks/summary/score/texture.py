"""How a summary is written: how much of it is new against its source, and how much it repeats itself."""

from __future__ import annotations

from collections.abc import Sequence

NOVELTY = (1, 2, 3, 4)
REPEATED = 4
"""Words of the pieces whose repetition is counted, as in seq-rep-4 (Welleck et al. 2020, section 4.1)."""

Piece = tuple[str, ...]


def pieces(words: Sequence[str], length: int) -> list[Piece]:
    """All runs of so many neighbouring words, in order; none where there are fewer words."""
    return list(zip(*(words[start:] for start in range(length)), strict=False))


def novelty(answer: Sequence[str], source: Sequence[str]) -> dict[int, float | None]:
    """For each length the share of the answer's different pieces that do not stand in the source (See et al. 2017,
    figure 6); None where the answer has none of this length. 0: copied; 1: all in other words."""
    found: dict[int, float | None] = {}
    for length in NOVELTY:
        own = set(pieces(answer, length))
        found[length] = len(own.difference(pieces(source, length))) / len(own) if own else None
    return found


def repetition(answer: Sequence[str]) -> float:
    """The share of the answer's pieces of four words that stood in it before: 0 for none, near 1 in a loop."""
    own = pieces(answer, REPEATED)
    return 1 - len(set(own)) / len(own) if own else 0.0
