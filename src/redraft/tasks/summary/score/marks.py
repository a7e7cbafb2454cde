"""The places of an answer that a reader should check: numbers and names that do not stand in its source."""

from __future__ import annotations

from redraft.core.example import Example
from redraft.core.offers import Mark
from redraft.tasks.summary.score.claims import Source, claims

NOTE = "does not stand in the document"


def marks_of(answer: str, example: Example) -> list[Mark]:
    """In the order of the answer, none over another ("PEP 8" may be a name with a number in it: it is one mark).
    Nothing where the document's text is not known."""
    source = Source.of(example.truth)
    found: list[Mark] = []
    for claim in claims(answer, source).unsupported if source is not None else ():
        if found and claim.start < found[-1].end:
            found[-1] = Mark(found[-1].start, max(found[-1].end, claim.end), NOTE)
        else:
            found.append(Mark(claim.start, claim.end, NOTE))
    return found
