"""A text as sentences, in every script: for ROUGE-Lsum, and for baselines that take sentences.

A sentence ends at a line break, and at its mark: at "." "!" "?" "…" where white space and no small letter follows,
and at the marks of other scripts (。！？؟۔।॥።።។ and all of Unicode's Sentence_Terminal) wherever they stand.
Closing quotes and brackets stay with their sentence. "." after one letter or a common abbreviation ends nothing.
Thai marks no sentences, so only its lines are told apart.
"""

from __future__ import annotations

import regex

ABBREVIATIONS = frozenset(
    ("dr", "gen", "mr", "mrs", "ms", "mt", "prof", "rev", "sen", "st", "al", "cf", "eg", "ie", "vs", "vgl", "zb")
)
"""Words after which a full stop is no end, without their inner stops; those that a capital often follows."""
COUNTED = frozenset(
    ("approx", "art", "ca", "ch", "eq", "fig", "figs", "no", "nos", "op", "p", "pp", "ref", "sec", "vol")
)
"""The same before a number alone."""
_END = regex.compile(
    r"(?V1)(?P<mark>[.…․．]+|[\p{Sentence_Break=STerm}]+[.…]*)(?P<closed>[\p{Sentence_Break=Close}’»]*)"
)
_SPACED = frozenset(".!?…․")
"""Marks that end a sentence only before white space: they also stand inside numbers and names."""
_LINE = regex.compile(r"[\r\n\v\f\x85\u2028\u2029]+")
_LAST_WORD = regex.compile(r"(?V1)[\p{L}\p{M}\p{N}.]*$")


def sentences(text: str) -> list[str]:
    """The sentences of a text without white space around them, in order; none is empty."""
    return [part for line in _LINE.split(text) for part in _of_line(line)]


def _of_line(line: str) -> list[str]:
    found, start = [], 0
    for match in _END.finditer(line):
        if _ends(line, start, match):
            found.append(line[start : match.end()].strip())
            start = match.end()
    found.append(line[start:].strip())
    return [sentence for sentence in found if sentence]


def _ends(line: str, start: int, match: regex.Match[str]) -> bool:
    if any(mark not in _SPACED for mark in match["mark"]):
        return True
    rest = line[match.end() :]
    if not rest:
        return True
    if not rest[0].isspace() or rest.lstrip()[:1].islower():
        return False
    if match["mark"] != "." or match["closed"]:
        return True
    before = _LAST_WORD.search(line, start, match.start())
    word = before[0].replace(".", "") if before else ""
    single = len(word) == 1 and word.isalpha() and word.isascii()
    counted = rest.lstrip()[:1].isdecimal() and word.lower() in COUNTED
    return not (single or counted or word.lower() in ABBREVIATIONS)
