"""TextRank: the sentences of a text by how much the others have in common with them.

R. Mihalcea and P. Tarau, TextRank: Bringing Order into Texts, EMNLP 2004, sections 2.2 and 4.1. The likeness of
two sentences is the number of different words they share, over the sum of the logarithms of their lengths; the
rank of sentence i is WS(i) = (1 - d) + d * sum over j of w(j, i) / (sum over k of w(j, k)) * WS(j), by iteration.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from redraft.tasks.summary.score.words import words

DAMPING = 0.85
"""d, as in the paper."""
CLOSE = 1e-6
"""The iteration ends where no rank changes by more."""
MAX_ROUNDS = 200
MAX_SENTENCES = 3_000
"""From the beginning of a text. More have no rank of their own: the likenesses of all pairs would not fit."""


def textrank(sentences: Sequence[str]) -> list[float]:
    """The rank WS of each sentence, at least 1 - d; the same every time. A sentence of fewer than two words has no
    likeness to any other, and those beyond MAX_SENTENCES have rank 0."""
    taken = [words(sentence) for sentence in sentences[:MAX_SENTENCES]]
    rest = [0.0] * (len(sentences) - len(taken))
    if not taken:
        return []
    likeness_SS = _likeness(taken)
    out_S = likeness_SS.sum(axis=1)
    moves_SS = likeness_SS / np.where(out_S > 0, out_S, 1.0)[:, None]
    ranks_S = np.ones(len(taken))
    for _ in range(MAX_ROUNDS):
        following_S = (1 - DAMPING) + DAMPING * (ranks_S @ moves_SS)
        change = np.abs(following_S - ranks_S).max()
        ranks_S = following_S
        if change < CLOSE:
            break
    # Sums of floats differ in their last bits between machines; equal sentences must stay equal.
    return [*np.round(ranks_S, 6).tolist(), *rest]


def _likeness(taken: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """float64 [S, S], 0 on the diagonal."""
    index: dict[str, int] = {}
    numbering = count()
    columns, ends = [], [0]
    for sentence in taken:
        columns += sorted({index.setdefault(word, next(numbering)) for word in set(sentence)})
        ends.append(len(columns))
    holds_SW = csr_array((np.ones(len(columns)), columns, ends), shape=(len(taken), max(1, next(numbering))))
    shared_SS: NDArray[np.float64] = (holds_SW @ holds_SW.T).toarray()
    length_S = np.log([max(1, len(sentence)) for sentence in taken])
    sum_SS = length_S[:, None] + length_S[None, :]
    likeness_SS: NDArray[np.float64] = np.divide(shared_SS, sum_SS, out=np.zeros_like(shared_SS), where=sum_SS > 0)
    short_S = np.array([len(sentence) < 2 for sentence in taken])
    likeness_SS[short_S] = likeness_SS[:, short_S] = 0
    np.fill_diagonal(likeness_SS, 0)
    return likeness_SS
