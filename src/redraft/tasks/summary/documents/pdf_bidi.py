"""Lines of right-to-left letters by where they stand: PDFium does not put all of them into logical order.

What is seen on a line, from left to right, becomes what is read: the inverse of the reordering of UAX #9 for one
level of embedding.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
HAS_RIGHT_TO_LEFT = re.compile(f"[{RIGHT_TO_LEFT}]")
WORD_GAP = 0.15
"""Ems: a wider gap between the advances of two letters is a space."""
LINE_GAP = 3.0
"""Ems: a wider gap is one between columns."""
_MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_OPPOSITE = re.compile(f"[{RIGHT_TO_LEFT}](?:[^A-Za-z\u00c0-\u058f0-9]*[{RIGHT_TO_LEFT}])*")
_FORWARD = re.compile(
    f"[A-Za-z\u00c0-\u058f](?:[^{RIGHT_TO_LEFT}]*[A-Za-z\u00c0-\u058f0-9])?|[0-9\u0660-\u0669](?:[0-9\u0660-\u0669.,:/%-]*"
    "[0-9\u0660-\u0669%])?"
)
_FACING = re.compile(r"(?:(?<=\s)|^)[)\]}»](?=[^\s)\]}»])|(?<=[^\s(\[{«])[(\[{«](?=[\s.,;:!?]|$)")
"""Brackets that face away from what they hold: PDF files do not say whether one was mirrored."""
_FORMS = re.compile("[\ufb1d-\ufdff\ufe70-\ufefc]+")


@dataclass(frozen=True, slots=True)
class Glyph:
    """A letter where it stands, in points: from its origin over its advance; the ink of a mark.

    size: of its em. order: its index in PDFium's text.
    """

    text: str
    left: float
    right: float
    baseline: float
    size: float
    order: int


def rows_of(glyphs: Sequence[Glyph]) -> list[list[Glyph]]:
    """The glyphs of each line, from left to right; lines in PDFium's order."""
    rows: list[list[Glyph]] = []
    bases = [glyph for glyph in glyphs if not _is_mark(glyph)]
    for glyph in sorted(bases, key=lambda g: (-round(g.baseline), g.left, g.order)):
        last = rows[-1] if rows else None
        if (
            last is not None
            and abs(last[0].baseline - glyph.baseline) < 0.4 * glyph.size
            and -glyph.size < glyph.left - max(g.right for g in last[-3:]) < LINE_GAP * glyph.size
        ):
            last.append(glyph)
        else:
            rows.append([glyph])
    for mark in (glyph for glyph in glyphs if _is_mark(glyph)):
        # A mark stands higher or lower than the letter it belongs to.
        if rows:
            min(rows, key=lambda row: _distance(row, mark)).append(mark)
        else:
            rows.append([mark])
    return sorted(rows, key=lambda row: min(glyph.order for glyph in row))


def is_backward(letters: Iterable[str]) -> bool:
    """Whether paragraphs of these letters run from right to left: most of the letters do."""
    kinds = Counter(bool(HAS_RIGHT_TO_LEFT.match(letter)) for letter in letters if letter.isalpha())
    return kinds[True] > kinds[False]


def read(row: Sequence[Glyph], backward: bool) -> str:
    """The text of a line in logical order, its presentation forms as letters (NFKC of those alone).

    backward: the paragraph it stands in runs from right to left.
    """
    bases = [glyph for glyph in row if not _is_mark(glyph)] or list(row)
    marks: dict[int, str] = {}
    for glyph in row:
        if _is_mark(glyph) and bases:
            home = min(bases, key=lambda base: _beside(base, glyph))
            marks[home.order] = marks.get(home.order, "") + glyph.text
    seen = ""
    edge: float | None = None
    pieces: list[str] = []
    for (left, right), same in itertools.groupby(bases, lambda base: (base.left, base.right)):
        # The letters of a ligature stand at one place, in logical order.
        letters = list(same)
        if edge is not None and left - edge > WORD_GAP * letters[0].size and seen[-1:] != " ":
            pieces.append(" ")
            seen += " "
        pieces.append("".join(base.text + marks.get(base.order, "") for base in letters))
        seen += letters[0].text[0]
        edge = right if edge is None else max(edge, right)
    text = "".join(_logical(seen, pieces, backward))
    text = _FORMS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return _FACING.sub(lambda found: found[0].translate(_MIRRORED), " ".join(text.split()))


def _logical(seen: str, pieces: list[str], backward: bool) -> list[str]:
    """pieces in the order of reading. seen: one character for each of them, from left to right."""
    if not backward:
        for run in _OPPOSITE.finditer(seen):
            pieces[run.start() : run.end()] = _turned(pieces[run.start() : run.end()])
        return pieces
    for run in _FORWARD.finditer(seen):
        pieces[run.start() : run.end()] = pieces[run.start() : run.end()][::-1]
        # They are turned again with the whole line, and their brackets with them.
        pieces[run.start() : run.end()] = [p.translate(_MIRRORED) for p in pieces[run.start() : run.end()]]
    return _turned(pieces)


def _turned(pieces: list[str]) -> list[str]:
    return [piece.translate(_MIRRORED) for piece in reversed(pieces)]


def _beside(base: Glyph, mark: Glyph) -> float:
    """How far the middle of a mark is from a letter, sideways."""
    middle = (mark.left + mark.right) / 2
    return max(base.left - middle, middle - base.right, 0.0)


def _distance(row: Sequence[Glyph], mark: Glyph) -> float:
    sideways = min(_beside(base, mark) for base in row)
    return sideways + abs(row[0].baseline - mark.baseline)


def _is_mark(glyph: Glyph) -> bool:
    return unicodedata.category(glyph.text[0]) == "Mn"
