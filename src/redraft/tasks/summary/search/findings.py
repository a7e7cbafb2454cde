"""What a search found, as figures and in sentences."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from redraft.tasks.summary.search.pareto import Interval, Point, front, interval
from redraft.tasks.summary.search.record import Answered
from redraft.tasks.summary.search.space import Trial


@dataclass(frozen=True)
class Tried:
    """A style with its answers, the same documents first in each. whole: it was asked about all documents.

    interval: of the mean score, 95 %. tokens, pages: a document, on average. ratio: text tokens a page token.
    """

    trial: Trial
    rows: Sequence[Answered]
    whole: bool
    interval: Interval | None

    @property
    def values(self) -> list[float]:
        return [row.value for row in self.rows]

    @property
    def score(self) -> float:
        return statistics.fmean(self.values)

    @property
    def pages(self) -> float:
        return statistics.fmean(row.pages for row in self.rows)

    @property
    def tokens(self) -> float:
        return statistics.fmean(row.tokens for row in self.rows)

    @property
    def ratio(self) -> float:
        return sum(row.text_tokens for row in self.rows) / sum(row.tokens for row in self.rows)

    @property
    def per_thousand(self) -> float:
        """Score for 1,000 tokens."""
        return 1000 * self.score / self.tokens

    def as_data(self) -> dict[str, Any]:
        answered = [row.seconds for row in self.rows if row.seconds]
        return {
            "number": self.trial.number,
            "label": self.trial.label,
            "style": self.trial.style.model_dump(),
            "changes": dict(self.trial.changes),
            "width": self.trial.style.pixels[0],
            "height": self.trial.style.pixels[1],
            "documents": len(self.rows),
            "whole": self.whole,
            "score": round(self.score, 5),
            "interval": None if self.interval is None else [round(end, 5) for end in self.interval],
            "pages": round(self.pages, 3),
            "page_tokens": self.rows[0].page_tokens,
            "tokens": round(self.tokens, 2),
            "ratio": round(self.ratio, 3),
            "letters": round(max(row.letters for row in self.rows), 3),
            "score_per_1000_tokens": round(self.per_thousand, 5),
            "seconds": round(statistics.fmean(answered), 4) if answered else None,
            "failures": dict(Counter(row.reason for row in self.rows if row.reason != "ok")),
        }


@dataclass(frozen=True)
class Findings:
    """front: numbers of the trials that no other dominates, by their tokens. best: the highest score of those.

    advice: the trial of the fewest tokens whose score is not told apart from the best one's on these documents.
    dearest: the most score a token, whatever the score. lead: of each document's first three sentences.
    """

    tried: Sequence[Tried]
    front: list[int]
    best: int
    advice: int
    gap: Interval | None
    most_per_token: int
    lead: float
    says: tuple[str, ...] = field(default=())

    def of(self, number: int) -> Tried:
        return next(one for one in self.tried if one.trial.number == number)


def findings(tried: Sequence[Tried], lead: float, seed: int) -> Findings:
    """tried: with the style to compare with (number 0) among the whole ones."""
    whole = [one for one in tried if one.whole]
    on_front = [whole[index] for index in front([Point(one.score, one.tokens) for one in whole])]
    best = max(on_front, key=lambda one: (one.score, -one.tokens))
    advice, gap = best, None
    for one in on_front:  # by their tokens: the first that reaches the best one's score is the cheapest
        found = interval([a - b for a, b in zip(one.values, best.values, strict=True)], seed)
        if one is best or found is None or found[1] >= 0:
            advice, gap = one, None if one is best else found
            break
    most = max(on_front, key=lambda one: one.per_thousand)
    numbers = [one.trial.number for one in on_front]
    base = next(one for one in tried if one.trial.number == 0)
    says = _sentences(tried, whole, best, advice, gap, most, base, lead)
    return Findings(
        tried, numbers, best.trial.number, advice.trial.number, gap, most.trial.number, lead, tuple(says)
    )


def _sentences(
    tried: Sequence[Tried],
    whole: Sequence[Tried],
    best: Tried,
    advice: Tried,
    gap: Interval | None,
    most: Tried,
    base: Tried,
    lead: float,
) -> list[str]:
    says = [_advised(advice, best, gap)]
    if advice.trial.number != base.trial.number:
        says.append(f"The style to compare with (0) has {_figures(base)}.")
    if most.trial.number != advice.trial.number:
        says.append(
            f"By score over tokens alone, style {most.trial.number} ({most.trial.label}) leads: {_figures(most)}."
        )
    says.append(
        f"{len(tried)} styles were tried, {len(whole)} of them on all {len(best.rows)} documents; the others fell "
        "behind earlier."
    )
    if best.score <= lead:
        says.append(
            f"No style reaches what the first three sentences of each document score without any model "
            f"({lead:.3f}): these figures say little of page styles."
        )
    failed = sum(bool(row.reason != "ok") for one in whole for row in one.rows)
    if failed:
        says.append(f"{failed:,} answers failed and count as 0; the table says why.")
    if len(best.rows) < 30:
        says.append(f"{len(best.rows)} documents tell little: the intervals are wide.")
    says.append(
        "The model was asked as it is. One that is trained on pages of the chosen style may do better on them."
    )
    return says


def _advised(advice: Tried, best: Tried, gap: Interval | None) -> str:
    text = (
        f"Style {advice.trial.number} ({advice.trial.label}) buys the most quality per token: {_figures(advice)}."
    )
    if advice is best:
        return f"{text} No style scores higher, and none that is cheaper reaches it."
    saved = 1 - advice.tokens / best.tokens
    told = "" if gap is None else f" (95 % interval of the difference: {gap[0]:+.3f} to {gap[1]:+.3f})"
    return (
        f"{text} Style {best.trial.number} ({best.trial.label}) scores {best.score:.3f}, which these documents do "
        f"not tell apart from it{told}, and takes {best.tokens:,.0f} tokens: {saved:.0%} are saved."
    )


def _figures(one: Tried) -> str:
    return f"a score of {one.score:.3f} for {one.tokens:,.0f} tokens a document, at {one.ratio:.1f}x"
