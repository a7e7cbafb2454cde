"""The names in a text: capitalised words that do not begin a sentence, in scripts that have capitals.

That is a rule of spelling and no understanding: in German every noun counts, a name at the beginning of a sentence
does not, and a name in another case ("Москве" for "Москва") is not found again. Scripts without capitals have
none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex

from redraft.tasks.summary.score.sentences import sentences

_NAME = regex.compile(
    r"(?V1)(?<![\p{L}\p{N}\p{M}_])[\p{Lu}\p{Lt}][\p{L}\p{M}\p{N}]*"
    r"(?:(?:[ \u00a0]|['’\-&.]|[.&] )[\p{Lu}\p{Lt}][\p{L}\p{M}\p{N}]*)*"
)
_FIRST = regex.compile(r"(?V1)[^\p{L}\p{N}]*[\p{L}\p{N}][\p{L}\p{M}\p{N}]*[^\p{L}\p{N}]*")
"""What begins a sentence: its first word with what stands around it."""
_CASED = regex.compile(r"[\p{Lu}\p{Ll}\p{Lt}]")


@dataclass(frozen=True, slots=True)
class Name:
    """start, end: its place in the text."""

    text: str
    start: int
    end: int


def has_case(text: str) -> bool:
    """Whether capitals can be told in this text at all."""
    return _CASED.search(text) is not None


def names(text: str) -> Iterator[Name]:
    """The runs of capitalised words of two letters or more. The first word of a sentence tells nothing, so a run
    that begins one counts from its second word on."""
    at = 0
    for sentence in sentences(text):
        start = text.index(sentence, at)
        at = start + len(sentence)
        first = _FIRST.match(sentence)
        for match in _NAME.finditer(sentence, first.end() if first else 0):
            if len(match[0]) > 1:
                yield Name(match[0], start + match.start(), start + match.end())
