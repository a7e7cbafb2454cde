"""Makes documents with their summaries: seeded, distinct, and the same ones for any count.

Candidate number k is made from its own seed, f(seed, k), and judged alone; documents are the candidates that are
new and fit their pages, in their order.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example
from redraft.core.spread import Payload, spreading
from redraft.core.work import Work
from redraft.tasks.summary.conversation import conversation
from redraft.tasks.summary.drawing import count_pages, draw_pages
from redraft.tasks.summary.identity import text_key
from redraft.tasks.summary.made.document import Made
from redraft.tasks.summary.made.notices import notice
from redraft.tasks.summary.made.reports import report
from redraft.tasks.summary.truth import truth_of

PATIENCE = 300
"""Candidates in a row that come to nothing new, after which making stops: the options hold no more documents."""
MAKERS = {"full": report, "simple": notice}


def document_seed(seed: int, number: int) -> int:
    """The seed of candidate `number`: 63 bits of SHA-256 over both."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:8], "big") >> 1


def make_document(seed: int, level: str) -> Made:
    """The document of a seed: the same text and summary every time."""
    return MAKERS[level](random.Random(seed))


def generate_examples(count: int, seed: int, options: Mapping[str, Any], work: Work) -> Iterator[Example]:
    """count examples of made documents, named by seed and number. options: complete ones.

    Candidates of more pages than the options allow are replaced, where these do not cut. A UsageError where the
    options do not hold so many different documents.
    """
    seen: set[str] = set()
    replaced: Counter[str] = Counter()
    made = number = last = 0
    candidates = _candidates(seed, options, work, seen)
    while made < count:
        if number - last > PATIENCE:
            counts = ", ".join(f"{reason} {times}" for reason, times in replaced.most_common())
            raise UsageError(
                f"only {made} different documents came of these options ({counts})",
                remedy="Allow larger pages or more of them, or ask for fewer documents",
            )
        candidate = next(candidates)
        number += 1
        if candidate.key in seen:
            replaced["duplicate"] += 1
            continue
        if candidate.example is None:
            replaced[candidate.fault] += 1
            continue
        seen.add(candidate.key)
        example = replace(candidate.example, id=f"document-{seed}-{made:06}")
        made, last = made + 1, number
        work.progress("making documents", made, count)
        yield example
    if replaced:
        work.log(f"{sum(replaced.values())} candidates were replaced")


@dataclass(frozen=True, slots=True)
class Candidate:
    """key: of its text. example: drawn, not yet named; None where it has a fault, or was a duplicate already."""

    key: str
    example: Example | None = None
    fault: str = ""


def pieces(job: str, payloads: Sequence[Payload]) -> list[Candidate]:
    """See `core.spread.MakesPieces`. job: "candidate", of a seed with the task's complete options."""
    if job != "candidate":
        raise UsageError("the task summary makes no such piece", where=job, remedy="Ask for candidate")
    return [_candidate(payload["seed"], payload["options"], frozenset()) for payload in payloads]


def _candidates(seed: int, options: Mapping[str, Any], work: Work, seen: Set[str]) -> Iterator[Candidate]:
    """Candidate after candidate, without end. seen: keys that need not be drawn again."""
    elsewhere = spreading(work)
    seeds = (document_seed(seed, number) for number in itertools.count())
    if elsewhere is None:
        return (_candidate(its_seed, options, seen) for its_seed in seeds)
    return elsewhere.spread("candidate", ({"seed": its_seed, "options": dict(options)} for its_seed in seeds))


def _candidate(seed: int, options: Mapping[str, Any], seen: Set[str]) -> Candidate:
    document = make_document(seed, options["level"])
    key = text_key(document.text)
    if key in seen:
        return Candidate(key)
    try:
        return Candidate(key, _example("", document, seed, options))
    except InputError as error:
        return Candidate(key, fault=error.what)


def _example(id: str, document: Made, seed: int, options: Mapping[str, Any]) -> Example:
    truth = truth_of(
        document.text,
        document.summary,
        format="markdown",
        title=document.title,
        language=document.language,
        source={"dataset": "made by redraft", "kind": document.kind, "facts": dict(document.facts)},
    )
    chosen = dict(options)
    if options["keep_images"]:
        images = draw_pages(truth, seed, chosen).images
        return Example(id, images, conversation(document.summary, options, len(images)), truth, seed)
    return Example(id, (), conversation(document.summary, options, count_pages(truth, seed, chosen)), truth, seed)
