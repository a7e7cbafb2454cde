"""The numbers in a text, in a form that can be compared: 1,000 and 1000 and ١٬٠٠٠ are one number."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import regex

_NUMBER = regex.compile(r"(?V1)\p{Nd}+(?:[.,_'’٫٬\u00a0\u2009\u202f]\p{Nd}+)*")
_DECIMAL = str.maketrans("٫", ".")
_GROUPS = "_'’٬\u00a0\u2009\u202f"
"""Characters that only part the thousands."""
_COMMAS = regex.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}")
_POINTS = regex.compile(r"\d{1,3}(?:\.\d{3})+")


@dataclass(frozen=True, slots=True)
class Number:
    """start, end: its place in the text. readings: what it may mean, each in one form ("1000.5").

    Most have one. "1.000" has two, as half of Europe parts thousands by points, and so has "1,5".
    """

    text: str
    start: int
    end: int
    readings: frozenset[str]


def numbers(text: str) -> Iterator[Number]:
    """The numbers written in digits of any script, also those inside a word; signs and units do not count."""
    for match in _NUMBER.finditer(text):
        yield Number(match[0], match.start(), match.end(), frozenset(_readings(match[0])))


def _readings(text: str) -> Iterator[str]:
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text.translate(_DECIMAL))
    whole, point, rest = plain.partition(".")
    for mark in _GROUPS:
        whole = whole.replace(mark, "")
    plain = whole + point + rest
    head, _, tail = plain.rpartition(".")
    if _COMMAS.fullmatch(plain):
        yield _one_form(plain.replace(",", ""))
    elif _COMMAS.fullmatch(head):
        yield _one_form(f"{head.replace(',', '')}.{tail}")
    elif "," in plain:  # a decimal comma, perhaps behind points, or a list without spaces
        before, _, after = plain.rpartition(",")
        if "," not in before and (before.isdecimal() or _POINTS.fullmatch(before)):
            yield _one_form(f"{before.replace('.', '')}.{after}")
        yield plain
    else:
        yield _one_form(plain)
        if _POINTS.fullmatch(plain):
            yield _one_form(plain.replace(".", ""))


def _one_form(plain: str) -> str:
    """Without zeros at the front and a fraction of nothing: 007 is 7 and 5.00 is 5. Other zeros stay, since
    version 3.10 is not 3.1."""
    whole, point, fraction = plain.partition(".")
    whole = whole.lstrip("0") or "0"
    return f"{whole}{point}{fraction}" if fraction.strip("0") else whole
