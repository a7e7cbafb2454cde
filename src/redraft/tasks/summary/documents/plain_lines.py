"""What single lines of plain text look like: markers of lists, underlines, sentences, columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

MARKER = re.compile(r"(?:([-*+•‣◦▪–])|(\(?(?:\d{1,3}|[A-Za-z]|[ivx]{2,4})[.)]|#\.))[ ]+(?=\S)")
"""Of a list: a bullet, or a number or letter."""
ADORNMENT = re.compile(r"([=\-~^\"'`#*+:._!$%&,/;<>?@\\|])\1{2,}$")
"""A line of one sign, three times or more: under (and over) a title, or between two parts."""
SPACED_RULE = re.compile(r" *([*\-_=~•·#+])(?: +\1){2,}$")
"""A line of one sign with spaces between: a rule, wherever it stands."""
FIELD = re.compile(r":?[A-Z][\w-]*(?: [\w-]+)?: +\S")
"""A line of a header: "Author: ..."."""
MAIL = re.compile(r"(?:> ?)+(?!>)")
PROMPT = re.compile(r">>> |\.\.\. |\$ \S")
NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2})*)\.? +(?=[^\W\d_])")
"""The number of a title."""
TITLE_LENGTH = 80
_GRID = re.compile(r"\+[-=+]{2,}\+?$|\|.*\|$")
_RULED = re.compile(r"={2,}(?: +={2,})+$")
_BOX = re.compile("[\u2500-\u257f]")
_GAP = re.compile(r"\S {3,}\S")
_SIGNS_OF_CODE = re.compile(r"[={}<>|\\`@#$\[\]]|\w\(|->|::|__|^\w+:$", re.M)
_ENDS = tuple(".,;:!?。、！？।؟…")
_STOPS = tuple('.!?。！？।؟…:"”)]')


def indent_of(line: str) -> int:
    """Its leading spaces; an ideographic space, with which paragraphs begin in Chinese, belongs to the text."""
    return len(line) - len(line.lstrip(" "))


def is_table(line: str, indent: int) -> bool:
    """A row or a border of a table drawn with signs."""
    return bool(_GRID.match(line, indent) or _RULED.match(line, indent) or _BOX.search(line))


def in_columns(rows: Sequence[str]) -> bool:
    """Whether lines hold columns held apart by spaces."""
    return len(rows) > 1 and 2 * sum("   " in row and bool(_GAP.search(row)) for row in rows) >= len(rows)


def is_title(line: str) -> bool:
    """Whether a line that stands alone may be a title."""
    return (
        len(line) <= TITLE_LENGTH
        and not line.endswith(_ENDS)
        and not line[0].islower()
        and any(map(str.isalpha, line))
    )


def is_centred_title(line: str, indent: int) -> bool:
    """A short line that stands alone in the middle, of words that all begin large."""
    text = line.strip()
    words = text.split()
    return (
        indent >= 8
        and is_title(text)
        and all(word[0].isupper() or len(word) < 4 for word in words)
        and sum(map(str.isalpha, text)) + len(words) > 0.9 * len(text)
    )


def is_prose(rows: Sequence[str]) -> bool:
    """Whether equally indented lines read as sentences: of words more than signs, filled, without gaps."""
    text = " ".join(rows)
    words = text.count(" ") + 1
    ends = text.endswith(_ENDS)
    if not (words > 7 or (ends and words > 2)):
        return False
    if sum(map(str.isalpha, text)) + words < 0.88 * len(text) or _GAP.search(text):
        return False
    first = text[0]
    begins = first.isupper() or not first.isascii() or first in "\"'([" or (ends and len(text) > 60)
    return begins and (len(rows) == 1 or sum(map(len, rows[:-1])) >= 40 * (len(rows) - 1))


def is_wordy(rows: Sequence[str]) -> bool:
    """Whether lines of any indent are running text, as laws have it: filled, of words, without a sign of code."""
    texts = [row.strip() for row in rows]
    text = "\n".join(texts)
    filled = sum(map(len, texts[:-1])) >= 40 * (len(texts) - 1) > 0
    letters = sum(map(str.isalpha, text)) + text.count(" ") + len(texts)
    sentence = text.endswith(_ENDS) or ". " in text or "; " in text
    sound = letters >= 0.9 * len(text) and not _SIGNS_OF_CODE.search(text) and not _GAP.search(text)
    return filled and sentence and sound


def ends_early(line: str, following: str, width: int) -> bool:
    """Whether a paragraph ends at a line: behind a sentence, where the next word would have had room."""
    return line.endswith(_STOPS) and len(line) + 1 + len(following.split(" ", 1)[0]) < 0.75 * width
