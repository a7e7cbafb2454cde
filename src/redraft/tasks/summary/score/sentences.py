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
LONGEST = 12
"""Characters before a full stop that are looked at: more than any abbreviation with its own stops has."""
_END = regex.compile(
    r"(?V1)(?P<mark>[.…․．]+|[\p{Sentence_Break=STerm}]+[.…]*)(?P<closed>[\p{Sentence_Break=Close}’»]*)"
)
_SPACED = frozenset(".!?…․")
"""Marks that end a sentence only before white space: they also stand inside numbers and names."""
_LINE = regex.compile(r"[\r\n\v\f\x85\u2028\u2029]+")
_SPACE = regex.compile(r"\s*")
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
    end = match.end()
    if end == len(line):
        return True
    next_word = _SPACE.match(line, end).end()
    following = line[next_word : next_word + 1]
    if not line[end].isspace() or following.islower():
        return False
    if match["mark"] != "." or match["closed"]:
        return True
    before = _LAST_WORD.search(line, max(start, match.start() - LONGEST), match.start())
    word = before[0].replace(".", "") if before else ""
    single = len(word) == 1 and word.isalpha() and word.isascii()
    counted = following.isdecimal() and word.lower() in COUNTED
    return not (single or counted or word.lower() in ABBREVIATIONS)
