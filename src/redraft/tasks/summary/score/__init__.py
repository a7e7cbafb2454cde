"""The score of a summary: how near it is to the reference, how it is written, and what it states on its own.

value is ROUGE-Lsum F1, with words and sentences of any script. A failure is 0 with its reason: "empty" (no text),
"no_words" (no letter or digit in it), "too_long", or "no_reference" where the example has no summary to compare
with, which is no fault of the answer. docs/summary-scoring.md defines every detail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from unicodedata import normalize

from redraft.core.example import Example
from redraft.core.score import Detail, Score
from redraft.core.work import Work
from redraft.tasks.summary.score.claims import Source, claims
from redraft.tasks.summary.score.rouge import NAMES, rouge
from redraft.tasks.summary.score.texture import novelty, repetition
from redraft.tasks.summary.score.words import words

MAX_PAIRS = 4_000_000
"""Words of the answer times words of the reference: ROUGE-L's table has a cell for each, which takes seconds for
2,000 words against 2,000."""
SEPARATOR = "; "
"""Between the pieces listed in the detail `not_in_source`."""
LISTED = 20
"""Pieces listed there; the counts are of all."""

FAILED: dict[str, Detail] = {**dict.fromkeys(NAMES, 0.0), "chrf": 0.0, "length_ratio": 0.0}
"""The details of an answer without words, so that it counts in their means too."""


def score_answers(answers: Sequence[str], examples: Sequence[Example], work: Work) -> list[Score]:
    """One score an answer, in their order; an example's answers are best given one after the other."""
    found, source, owner = [], None, None
    for answer, example in zip(answers, examples, strict=True):
        if example is not owner:
            source, owner = Source.of(example.truth), example
        found.append(score_answer(answer, str(example.truth.get("summary") or ""), source))
        work.progress("scoring", len(found), len(answers))
    return found


def score_answer(answer: str, reference: str, source: Source | None) -> Score:
    """source: the document's text, None where it is not known; then nothing is said of what stands in it."""
    own, wanted = words(answer), words(reference)
    fault = _fault(answer, own, wanted)
    if fault:
        return Score(0.0, fault, {**FAILED, "words": len(own)})
    found = rouge(reference, answer)
    details: dict[str, Detail] = {
        **found,
        "chrf": chrf(reference, answer),
        "words": len(own),
        "length_ratio": len(own) / len(wanted),
        "repetition": repetition(own),
    }
    if source is not None:
        details |= {f"novel_{length}": share for length, share in novelty(own, source.words).items()}
        details |= _looked_up(answer, source)
    return Score(min(1.0, found["rougeLsum"]), "ok", details)


def chrf(reference: str, answer: str) -> float:
    """chrF2 of sacrebleu (Popović 2015, 2017: character pieces up to six, recall weighted twice), from 0 to 1.

    Of the texts in form NFC, so that a letter is the same however its marks are stored; case counts.
    """
    return float(_chrf().sentence_score(normalize("NFC", answer), [normalize("NFC", reference)]).score) / 100


def _fault(answer: str, own: Sequence[str], wanted: Sequence[str]) -> str:
    if not wanted:
        return "no_reference"
    if not answer.strip():
        return "empty"
    if not own:
        return "no_words"
    return "too_long" if len(own) * len(wanted) > MAX_PAIRS else ""


def _looked_up(answer: str, source: Source) -> Mapping[str, Detail]:
    found = claims(answer, source)
    details: dict[str, Detail] = {
        "numbers": len(found.numbers),
        "numbers_not_in_source": sum(not claim.supported for claim in found.numbers),
        "names": None if found.names is None else len(found.names),
        "names_not_in_source": None if found.names is None else sum(not c.supported for c in found.names),
    }
    listed = list(dict.fromkeys(" ".join(claim.text.split()) for claim in found.unsupported))
    more = [f"and {len(listed) - LISTED} more"] * (len(listed) > LISTED)
    return details | {"not_in_source": SEPARATOR.join([*listed[:LISTED], *more]) or None}


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()
