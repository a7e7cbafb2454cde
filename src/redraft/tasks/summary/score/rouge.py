"""ROUGE of one summary against its reference, by rouge-score, with words and sentences of any script."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from redraft.tasks.summary.score.sentences import sentences
from redraft.tasks.summary.score.words import Words

NAMES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def rouge(reference: str, answer: str, *, stem: bool = False) -> dict[str, float]:
    """F1 by name, each from 0 to 1.

    rouge1 and rouge2: shared words and pairs of neighbours. rougeL: the longest common subsequence of the whole
    texts. rougeLsum: of their sentences (Lin 2004, section 3.2), one line a sentence as rouge-score wants it.
    """
    found: Mapping[str, Any] = _scorer(stem).score(_lines(reference), _lines(answer))
    return {name: float(found[name].fmeasure) for name in NAMES}


def _lines(text: str) -> str:
    return "\n".join(sentences(text))


@cache
def _scorer(stem: bool) -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # takes a second to load

    return RougeScorer(list(NAMES), tokenizer=Words(stem))
