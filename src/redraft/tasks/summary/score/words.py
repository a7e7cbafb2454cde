"""A text as words, in every script: what ROUGE and all other figures of a summary count.

A word is a run of letters, digits and the marks on them. In scripts that are written without spaces between words
(Chinese, Japanese, Thai, Lao, Khmer, Burmese and their kin) each letter with its marks is a word of its own, which
is how figures for these languages are usually given. Case and compatibility forms do not count: NFKC and full case
folding, as Unicode's caseless matching has them (Unicode 3.13, D146).

On ASCII text this gives the very tokens of rouge-score's default tokenizer, [a-z0-9]+ of the lower-case text.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

import regex

SPACELESS = (
    r"\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}"
    r"\p{scx=Tale}\p{scx=Talu}\p{scx=Lana}\p{scx=Tavt}"
)
"""Scripts whose words stand without spaces: Han, the Kana, and those of line breaking class SA (UAX #14)."""
_WORD = regex.compile(
    rf"(?V1)[\p{{L}}&&[{SPACELESS}]]\p{{M}}*"
    rf"|[[\p{{L}}--[{SPACELESS}]]\p{{N}}][[\p{{L}}--[{SPACELESS}]]\p{{N}}\p{{M}}]*"
)
_INVISIBLE = regex.compile(r"(?V1)[\p{Cf}--\u200b]|[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Joiners, direction marks, soft hyphens and variation selectors; the zero-width space parts words and stays."""
STEMMED_FROM = 4
"""Letters of a word that the English stemmer may change: rouge-score leaves shorter ones as they are."""


def fold(text: str) -> str:
    """The text as it is compared: without case, compatibility forms and invisible characters."""
    shown = _INVISIBLE.sub("", text)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shown).casefold())


def words(text: str) -> list[str]:
    """The words of a text in order, folded."""
    found: list[str] = _WORD.findall(fold(text))
    return found


class Words:
    """The tokenizer in the form that rouge-score takes.

    stem: cuts the endings of English words (Porter's stemmer), as many papers on English sets do.
    """

    def __init__(self, stem: bool = False) -> None:
        self.stem = stem

    def tokenize(self, text: str) -> list[str]:
        found = words(text)
        if not self.stem:
            return found
        stem = _stemmer().stem
        return [stem(word) if len(word) >= STEMMED_FROM and word.isascii() else word for word in found]


@cache
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer  # the one that rouge-score uses

    return PorterStemmer()


def first_words(text: str, count: int) -> str:
    """The beginning of a text up to its count-th word, as it is written."""
    for number, match in enumerate(_WORD.finditer(text), start=1):
        if number == count:
            return text[: match.end()]
    return text
