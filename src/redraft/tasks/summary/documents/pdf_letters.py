"""The lines of a PDF's page, as PDFium has them or, with right-to-left letters, by where every letter stands."""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

from redraft.tasks.summary.documents.pdf_bidi import HAS_RIGHT_TO_LEFT, Glyph, is_backward, read, rows_of
from redraft.tasks.summary.documents.pdf_lines import Line

_LINE_END = re.compile("(?<=[\n\x02\ufffe])")
_PRIVATE = re.compile("[\ue000-\uf8ff\0]")
_FIXED_PITCH, _FORCE_BOLD = 1, 1 << 18
"""Of a font's flags (ISO 32000-1, table 123)."""
_BOLD = ("bold", "black", "heavy", "cmb", "sfbx", "-medi")
_MONO = ("mono", "courier", "typewriter", "consolas", "menlo", "cmtt", "cmsltt", "sftt", "nimbusmon")
"""Parts of font names, those of TeX among them, whose fonts set no flags."""


def lines_of(page: pdfium.PdfPage) -> Iterator[Line]:
    """The lines of a page in PDFium's reading order, with their places in points from the lower left corner.

    PDFium takes a hyphen at a line's end and the line's end for one character, U+0002 or U+FFFE.
    """
    textpage = page.get_textpage()
    whole = textpage.get_text_range()
    if HAS_RIGHT_TO_LEFT.search(whole):
        yield from _placed_lines(textpage)
        textpage.close()
        return
    at = 0
    for piece in _LINE_END.split(whole):
        size = len(piece.encode("utf-16-le", "surrogatepass")) // 2
        if content := piece.strip("\r\n \t"):
            first = at + piece.index(content[0])
            last = first + len(content.encode("utf-16-le", "surrogatepass")) // 2 - 1
            if piece[-1] in "\x02\ufffe":
                last -= 1
            yield _line(textpage, _readable(content), sorted({first, (first + last) // 2, last}))
        at += size
    textpage.close()


def _placed_lines(textpage: pdfium.PdfTextPage) -> Iterator[Line]:
    """The lines of a page with right-to-left letters, by where every letter stands."""
    glyphs = []
    for at in range(textpage.count_chars()):
        letter = chr(raw.FPDFText_GetUnicode(textpage, at))
        # PDFium's own spaces belong to no object of the page and stand anywhere; those of the page are letters.
        if unicodedata.category(letter) in ("Cc", "Cf") or not raw.FPDFText_GetTextObject(textpage, at):
            continue
        found = _character(textpage, at)
        if found is not None:
            left, right = found.left, found.right
            if unicodedata.combining(letter):
                left, _, right, _ = textpage.get_charbox(at)
            glyphs.append(Glyph(_readable(letter), left, right, found.baseline, found.size, at))
    backward = is_backward(glyph.text for glyph in glyphs)
    for row in rows_of(glyphs):
        look = _character(textpage, row[0].order)
        yield Line(
            text=read(row, backward),
            left=row[0].left,
            right=max(glyph.right for glyph in row),
            baseline=row[0].baseline,
            size=max(glyph.size for glyph in row),
            bold=look is not None and look.bold,
        )


def _line(textpage: pdfium.PdfTextPage, content: str, samples: list[int]) -> Line:
    places = [raw.FPDFText_GetCharIndexFromTextIndex(textpage, index) for index in samples]
    found = [_character(textpage, at) for at in places]
    known = [character for character in found if character is not None]
    if not known:
        return Line(content, 0.0, 0.0, 0.0, 0.0)
    return Line(
        text=content,
        left=min(character.left for character in known),
        right=max(character.right for character in known),
        baseline=known[0].baseline,
        size=max(character.size for character in known),
        bold=all(character.bold for character in known),
        mono=all(character.mono for character in known),
    )


@dataclass(frozen=True, slots=True)
class _Character:
    """Lengths in points. size: of the em."""

    left: float
    right: float
    baseline: float
    size: float
    bold: bool
    mono: bool


def _character(textpage: pdfium.PdfTextPage, at: int) -> _Character | None:
    """A character by its index: where it stands, and its font's look."""
    rect, x, y, flags = raw.FS_RECTF(), ctypes.c_double(), ctypes.c_double(), ctypes.c_int()
    matrix = raw.FS_MATRIX()
    if at < 0 or not raw.FPDFText_GetLooseCharBox(textpage, at, rect):
        return None
    if not (raw.FPDFText_GetCharOrigin(textpage, at, x, y) and raw.FPDFText_GetMatrix(textpage, at, matrix)):
        return None
    size = raw.FPDFText_GetFontSize(textpage, at) * math.hypot(matrix.c, matrix.d)
    name = ctypes.create_string_buffer(128)
    raw.FPDFText_GetFontInfo(textpage, at, name, len(name), flags)
    called = name.value.decode(errors="replace").lower()
    # The weight that PDFium tells is worked out from the width of stems, and often absurd.
    bold = bool(flags.value & _FORCE_BOLD) or any(word in called for word in _BOLD)
    mono = bool(flags.value & _FIXED_PITCH) or any(word in called for word in _MONO)
    return _Character(rect.left, rect.right, y.value, size, bold, mono)


def _readable(content: str) -> str:
    """A hyphen at a line's end as U+00AD; private characters, which stand for no letter, as U+FFFD."""
    content = content.replace("\x02", "\u00ad").replace("\ufffe", "\u00ad")
    return _PRIVATE.sub("\ufffd", content)
