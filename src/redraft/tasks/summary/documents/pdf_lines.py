"""Lines of printed pages to text: paragraphs rejoined, words whole again, nothing left out.

Titles are underlined and lines of a fixed-width font indented, so that `plain` reads them as headings and code.
"""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from redraft.tasks.summary.documents.joining import join

TITLE = 1.15
"""Times the size of running text from which a short line is a title; bold ones need not be larger."""
TITLE_LENGTH = 150
MARKS = "=-~"
"""Underlines of the largest titles, the next ones, and all others."""
_ENDS = tuple(".!?:;。！？।؟…\"”')]")
_BULLET = re.compile(r"(?:[•◦▪‣●○■–*-]|\(?(?:\d{1,2}|[a-z])[.)])\s+\S")
_HYPHENS = "-\u00ad\u2010"
_WORD_END = re.compile(r"[^\W\d_]+$")
_WORD_START = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One line. Lengths in points: left and right ends, baseline (upwards), size: from descent to ascent."""

    text: str
    left: float
    right: float
    baseline: float
    size: float
    bold: bool = False
    mono: bool = False


def assemble(pages: Sequence[Sequence[Line]]) -> str:
    """The text of all pages: a paragraph a line, blank lines between them.

    What runs at the head or the foot of many pages stands behind the paragraph that it would cut in two.
    """
    body = _body_size(pages)
    leading = _leading(pages, body)
    running = _running(pages, leading)
    words = Counter(word.lower() for page in pages for line in page for word in re.findall(r"[\w-]+", line.text))
    paragraphs: list[list[Line]] = []
    waiting: list[list[Line]] = []
    previous: Line | None = None
    for page in pages:
        turned = True
        for line in page:
            if _signature(line) in running:
                waiting.append([line])
                continue
            if previous is not None and _goes_on(previous, line, leading, turned, paragraphs[-1]):
                paragraphs[-1].append(line)
            else:
                paragraphs += [*waiting, [line]]
                waiting = []
            previous, turned = line, False
    paragraphs += waiting
    titles = [rows for rows in paragraphs if _is_title(rows, body)]
    sizes = sorted({_rank(rows) for rows in titles}, reverse=True)
    return "\n\n".join(_written(rows, body, sizes, words) for rows in paragraphs) + "\n"


def _body_size(pages: Sequence[Sequence[Line]]) -> float:
    """The size that most letters have."""
    letters: Counter[float] = Counter()
    for page in pages:
        for line in page:
            letters[round(line.size, 1)] += len(line.text)
    return letters.most_common(1)[0][0] if letters else 0.0


def _leading(pages: Sequence[Sequence[Line]], body: float) -> float:
    """The usual step from baseline to baseline in running text."""
    steps = [
        one.baseline - two.baseline
        for page in pages
        for one, two in itertools.pairwise(page)
        if 0.5 * body < one.baseline - two.baseline < 3 * body and abs(one.size - two.size) < 0.1 * body
    ]
    return statistics.median_low(steps) if steps else 1.2 * body


def _signature(line: Line) -> tuple[str, int]:
    """What a header or a footer has in common on all its pages: its words but for numbers, and its height."""
    return re.sub(r"\d+", "#", line.text), round(line.baseline / 4)


def _running(pages: Sequence[Sequence[Line]], leading: float) -> set[tuple[str, int]]:
    """What stands apart at the head or the foot of three pages or more: headers, footers, page numbers."""
    seen: Counter[tuple[str, int]] = Counter()
    for page in pages:
        down = sorted(page, key=lambda line: -line.baseline)
        edges = [down, down[::-1]]
        for edge in edges:
            for at, (one, two) in enumerate(itertools.pairwise(edge[:4])):
                if abs(one.baseline - two.baseline) > 1.5 * leading:
                    seen.update({_signature(line) for line in edge[: at + 1]})
                    break
    return {signature for signature, count in seen.items() if count >= 3}


def _goes_on(one: Line, two: Line, leading: float, turned: bool, paragraph: Sequence[Line]) -> bool:
    """Whether line two continues the paragraph of line one. turned: it is the first of its page."""
    alike = abs(one.size - two.size) <= 0.1 * max(one.size, two.size) and one.mono == two.mono
    if not alike or one.bold != two.bold:
        return False
    step = one.baseline - two.baseline
    if turned or step < -0.5 * leading:  # the next page, or the next column
        return not one.mono and not one.text.endswith(_ENDS) and two.text[:1].islower()
    if step > (2.5 if one.mono else 1.35) * leading:
        return False
    if one.mono:
        return True
    if abs(step) < 0.3 * leading:  # another piece of the same line
        return True
    if _BULLET.match(two.text):
        return False
    if two.left > one.left + 0.8 * one.size:  # an indented first line, unless the first one hangs out
        return len(paragraph) == 1 and bool(_BULLET.match(one.text))
    widest = max(two.right, *(line.right for line in paragraph)) if len(paragraph) > 1 else two.right
    short = one.right < widest - 0.25 * (widest - min(one.left, two.left))
    return not (short and one.text.endswith(_ENDS))


def _is_title(rows: Sequence[Line], body: float) -> bool:
    first = rows[0]
    larger = first.size >= TITLE * body or (first.bold and first.size >= 0.95 * body and len(rows) <= 2)
    short = sum(len(row.text) for row in rows) <= TITLE_LENGTH
    return larger and short and not first.mono and any(letter.isalpha() for letter in first.text)


def _rank(rows: Sequence[Line]) -> tuple[float, bool]:
    return round(rows[0].size * 2) / 2, rows[0].bold


def _written(rows: Sequence[Line], body: float, sizes: Sequence[tuple[float, bool]], words: Counter[str]) -> str:
    if rows[0].mono:
        return _preformatted(rows)
    text = _joined([row.text for row in rows], words)
    if _is_title(rows, body):
        mark = MARKS[min(sizes.index(_rank(rows)), len(MARKS) - 1)]
        return f"{text}\n{mark * max(len(text), 4)}"
    return text


def _preformatted(rows: Sequence[Line]) -> str:
    """Lines of a fixed-width font, indented as they stand."""
    left = min(row.left for row in rows)
    longest = max(rows, key=lambda row: len(row.text))
    width = (longest.right - longest.left) / len(longest.text) or 1.0
    return "\n".join(" " * (4 + round((row.left - left) / width)) + row.text for row in rows)


def _joined(rows: Sequence[str], words: Counter[str]) -> str:
    text = rows[0]
    for row in rows[1:]:
        if text and text[-1] in _HYPHENS and (whole := _unbroken(text, row, words)) is not None:
            text = whole
        else:
            text = join([text, row], printed=True)
    return text.replace("\u00ad", "-") if text.endswith("\u00ad") else text


def _unbroken(text: str, row: str, words: Counter[str]) -> str | None:
    """Two lines joined at a hyphen, with it or without, as the document's other words have it."""
    before, after = _WORD_END.search(text[:-1]), _WORD_START.match(row)
    if before is None or after is None:
        return text.replace("\u00ad", "-") + row if text[-2:-1].strip() else None
    one, two = before[0].lower(), after[0].lower()
    if after[0][0].islower():
        broken = words[one + two] > 0 or not words[f"{one}-{two}"]
    else:
        broken = words[one + two] > 0 and before[0].isupper() == after[0].isupper()
    return text[:-1] + row if broken else f"{text[:-1]}-{row}"
