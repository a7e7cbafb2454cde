"""Summaries without a model: what every figure of a model has to be held against.

lead-3: the document's first three sentences. lead-words: its beginning, as many words as the median reference of
the same examples has. textrank: the sentences that the others of the document have most in common with, about as
many words. Headings, code and tables count as no sentences. Nothing here is random.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from redraft.core.example import Example
from redraft.core.work import Work
from redraft.tasks.summary.documents.blocks import Item, Paragraph, plain
from redraft.tasks.summary.documents.read import parse
from redraft.tasks.summary.score.sentences import sentences
from redraft.tasks.summary.score.words import first_words, words
from redraft.tasks.summary.textrank import textrank

LEAD = 3
"""Sentences, as for CNN/DailyMail (Nallapati et al. 2017; See et al. 2017)."""


def baselines(examples: Sequence[Example], work: Work) -> Mapping[str, list[str]]:
    """One summary an example, in order, by the baseline's name; nothing where no text is known at all.

    An example that has pictures alone gets empty summaries, which score 0; that is said.
    """
    texts = [prose(example.truth) for example in examples]
    known = sum(map(bool, texts))
    if not known:
        return {}
    if known < len(texts):
        work.log(
            f"{len(texts) - known} of {len(texts)} documents have no text: baselines answer nothing there",
            "warning",
        )
    budget = reference_words(examples)
    ranked = []
    for number, found in enumerate(texts, start=1):
        ranked.append(within(found, textrank(found), budget))
        work.progress("making baselines", number, len(texts))
    return {
        f"lead-{LEAD}": [" ".join(found[:LEAD]) for found in texts],
        "lead-words": [first_words(" ".join(found[:budget]), budget) for found in texts],
        "textrank": ranked,
    }


def prose(truth: Mapping[str, Any]) -> list[str]:
    """The sentences of a document's paragraphs and lists in reading order; of everything where it has neither."""
    text = str(truth.get("text") or "")
    if not text.strip():
        return []
    document = parse(text, str(truth.get("format", "text")))
    pieces = [plain(block.content) for block in document.blocks if isinstance(block, Paragraph | Item)]
    found = [sentence for piece in pieces for sentence in sentences(piece)]
    return found or sentences(document.text)


def reference_words(examples: Sequence[Example]) -> int:
    """The median number of words of the references, at least 1."""
    counts = [len(words(str(example.truth.get("summary") or ""))) for example in examples]
    return max(1, round(statistics.median(counts))) if counts else 1


def within(found: Sequence[str], ranks: Sequence[float], budget: int) -> str:
    """The sentences of the highest ranks in reading order: so many that another one would lead further from the
    budget of words. At least one."""
    chosen: list[int] = []
    total = 0
    for index in sorted(range(len(found)), key=lambda index: (-ranks[index], index)):
        length = len(words(found[index]))
        if chosen and abs(total + length - budget) > abs(total - budget):
            break
        chosen.append(index)
        total += length
    return " ".join(found[index] for index in sorted(chosen))
