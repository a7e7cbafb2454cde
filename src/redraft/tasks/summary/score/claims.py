"""What a summary states that its source does not: numbers and names that cannot be found there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redraft.tasks.summary.documents.read import parse
from redraft.tasks.summary.score.names import has_case, names
from redraft.tasks.summary.score.numbers import numbers
from redraft.tasks.summary.score.words import words


@dataclass(frozen=True, slots=True)
class Claim:
    """A number or name of an answer. start, end: its place there, in characters."""

    text: str
    start: int
    end: int
    supported: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """names is None for an answer in a script without capitals."""

    numbers: tuple[Claim, ...]
    names: tuple[Claim, ...] | None

    @property
    def unsupported(self) -> list[Claim]:
        """Those that do not stand in the source, in the order of the answer."""
        found = [claim for claim in (*self.numbers, *(self.names or ())) if not claim.supported]
        return sorted(found, key=lambda claim: claim.start)


class Source:
    """A document's text, ready to be looked up. words: all of its words in order."""

    def __init__(self, text: str) -> None:
        self.text, self.words = text, words(text)
        self._numbers = frozenset(reading for number in numbers(text) for reading in number.readings)
        self._line = f" {' '.join(self.words)} "

    @classmethod
    def of(cls, truth: Mapping[str, Any]) -> Source | None:
        """What stands on the pages of an example; None where only its pictures are known."""
        if not str(truth.get("text") or "").strip():
            return None
        format, title = str(truth.get("format", "text")), str(truth.get("title") or "")
        return cls(parse(str(truth["text"]), format, title).text)

    def has_number(self, readings: frozenset[str]) -> bool:
        return not readings.isdisjoint(self._numbers)

    def has_name(self, name: str) -> bool:
        """Whether its words stand there one after the other, in any case."""
        return f" {' '.join(words(name))} " in self._line


def claims(answer: str, source: Source) -> Claims:
    """Every number and name of the answer, looked up in its source."""
    found = tuple(Claim(n.text, n.start, n.end, source.has_number(n.readings)) for n in numbers(answer))
    if not has_case(answer):
        return Claims(found, None)
    return Claims(found, tuple(Claim(n.text, n.start, n.end, source.has_name(n.text)) for n in names(answer)))
