"""Scores of many answers as figures: mean, interval, median, valid rate, failures by reason, details."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from redraft.core.prediction import Prediction
from redraft.core.score import Score
from redraft.inference.statistics import bootstrap_mean, bootstrap_means, wilson

LONGEST_WORD = 40
"""Characters of a detail that is counted as a word of its own."""


def summarise(scores: Sequence[Score], seed: int = 0) -> dict[str, Any]:
    """One score an example. Failures count as zero in mean, interval and median.

    Returns examples, mean, interval (95 %, bootstrap), median, valid (rate), valid_interval (95 %, Wilson),
    failures (reason -> count) and details (name -> mean with its interval, or share, and over how many answers it
    exists).
    """
    values = [score.value if score.ok else 0.0 for score in scores]
    valid = sum(score.ok for score in scores)
    interval, valid_interval = bootstrap_mean(values, seed), wilson(valid, len(scores))
    return {
        "examples": len(scores),
        "mean": statistics.fmean(values) if values else None,
        "interval": list(interval) if interval else None,
        "median": statistics.median(values) if values else None,
        "valid": valid / len(scores) if scores else None,
        "valid_interval": list(valid_interval) if valid_interval else None,
        "failures": dict(Counter(score.reason for score in scores if not score.ok).most_common()),
        "details": _details(scores, seed),
    }


def _details(scores: Sequence[Score], seed: int) -> dict[str, Any]:
    """Numbers by their mean, its 95 % bootstrap interval and median, truth values by their share, words by their
    counts; None is left out."""
    names = dict.fromkeys(name for score in scores for name in score.details)
    found: dict[str, Any] = {}
    measured: dict[str, list[float]] = {}
    for name in names:
        values = [score.details[name] for score in scores if score.details.get(name) is not None]
        if not values:
            found[name] = {"count": 0}
        elif all(isinstance(value, bool) for value in values):
            found[name] = {"count": len(values), "share": statistics.fmean(map(float, values))}  # type: ignore[arg-type]
        elif all(isinstance(value, int | float) for value in values):
            numbers = [float(value) for value in values]  # type: ignore[arg-type]
            found[name] = {
                "count": len(values),
                "mean": statistics.fmean(numbers),
                "interval": None,
                "median": statistics.median(numbers),
            }
            measured[name] = [_number(score, name) for score in scores]
        elif max(len(str(value)) for value in values) <= LONGEST_WORD:
            found[name] = {"count": len(values), "counts": dict(Counter(map(str, values)).most_common(8))}
        else:
            found[name] = {"count": len(values)}  # sentences: they stand beside their answers, not here
    if measured:
        intervals = bootstrap_means(np.array(list(measured.values())).T, seed)
        for name, interval in zip(measured, intervals, strict=True):
            found[name]["interval"] = list(interval) if interval else None
    return found


def _number(score: Score, name: str) -> float:
    value = score.details.get(name)
    return math.nan if value is None else float(value)


def best_of(scores: Sequence[Sequence[Score]], seed: int = 0) -> dict[str, Any]:
    """The best of each example's answers, chosen with the truth in hand: what a perfect chooser would reach."""
    chosen = [max(row, key=lambda score: (score.value if score.ok else 0.0, score.ok)) for row in scores]
    return {"samples": max(len(row) for row in scores), **summarise(chosen, seed)}


def speed(answers: Sequence[Sequence[Prediction]], seconds: float) -> dict[str, Any]:
    """seconds: wall time of all generation. cut: answers that ended at the limit instead of the end token.
    looped: answers that were ended because they repeated themselves."""
    flat = [answer for row in answers for answer in row]
    tokens = sum(answer.tokens for answer in flat)
    known = [answer.logprob for row in answers for answer in row[:1] if answer.logprob is not None]
    return {
        "answers": len(flat),
        "tokens": tokens,
        "seconds": round(seconds, 3),
        "tokens_per_second": round(tokens / seconds, 2) if seconds > 0 else None,
        "answers_per_second": round(len(flat) / seconds, 3) if seconds > 0 else None,
        "cut": sum(answer.finish == "length" for answer in flat),
        "looped": sum(answer.finish == "loop" for answer in flat),
        "mean_logprob": statistics.fmean(known) if known else None,
    }


def compare(scores: Sequence[Score], against: Sequence[Score], seed: int = 0) -> dict[str, Any]:
    """The gain of the first over the second on the same examples, with the paired 95 % bootstrap interval."""
    gains = [(a.value if a.ok else 0.0) - (b.value if b.ok else 0.0) for a, b in zip(scores, against, strict=True)]
    interval = bootstrap_mean(gains, seed)
    return {
        "difference": statistics.fmean(gains) if gains else None,
        "interval": list(interval) if interval else None,
        "better": sum(gain > 0 for gain in gains),
        "equal": sum(gain == 0 for gain in gains),
        "worse": sum(gain < 0 for gain in gains),
    }
