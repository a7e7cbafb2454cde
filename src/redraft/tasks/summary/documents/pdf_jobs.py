"""What the walled process does with a PDF: its text by lines with their places, or its pages as pixels."""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
from pypdfium2 import raw

from redraft.tasks.summary.documents.pdf_bidi import HAS_RIGHT_TO_LEFT, Glyph, is_backward, read, rows_of
from redraft.tasks.summary.documents.pdf_lines import Line, assemble

MAX_PAGES = 5000
SCANNED = 8
"""A page of fewer letters that has a picture on it is taken for a scanned one."""


_LINE_END = re.compile("(?<=[\n\x02\ufffe])")
_PRIVATE = re.compile("[\ue000-\uf8ff\0]")
_FIXED_PITCH, _FORCE_BOLD = 1, 1 << 18
"""Of a font's flags (ISO 32000-1, table 123)."""
_BOLD = ("bold", "black", "heavy")


class Fault(Exception):
    """A key of `pdf_process.FAULTS`."""


def text(path: Path, own: Path, request: dict[str, Any]) -> dict[str, Any]:
    """{max_characters} -> {text, title, pages, bare: pages without text, unreadable: characters}."""
    document = _open(path)
    lines: list[list[Line]] = []
    bare, pictures, letters, unreadable = [], 0, 0, 0
    for number in range(len(document)):
        page = _page(document, number)
        found = list(_lines(page)) if page is not None else []
        here = sum(1 for line in found for letter in line.text if not letter.isspace())
        if here < SCANNED:
            has_picture = page is not None and _has_picture(page)
            pictures += has_picture
            if not here or has_picture:
                bare.append(number + 1)
        letters += here
        unreadable += sum(line.text.count("\ufffd") for line in found)
        if letters > request["max_characters"]:
            raise Fault("long")
        lines.append(found)
        if page is not None:
            page.close()
    if not letters or (pictures and len(bare) == len(lines)):
        raise Fault("scanned" if pictures else "empty")
    if unreadable > letters / 2:
        raise Fault("unreadable")
    title = " ".join(document.get_metadata_value("Title").split())[:300]
    return {
        "text": assemble(lines),
        "title": title,
        "pages": len(lines),
        "bare": bare,
        "unreadable": unreadable,
    }


def pages(path: Path, own: Path, request: dict[str, Any]) -> dict[str, Any]:
    """{width, height, first, most} -> {pages: how many it has}; writes width * height grey bytes a page.

    A page is drawn as large as fits and stands in the middle of white paper.
    """
    document = _open(path)
    width, height = int(request["width"]), int(request["height"])
    first = int(request["first"])
    for number in range(first, min(len(document), first + int(request["most"]))):
        paper = bytearray(b"\xff" * (width * height))
        page = _page(document, number)
        if page is not None:
            _draw(page, paper, width, height)
            page.close()
        (own / f"page-{number - first}.raw").write_bytes(paper)
    return {"pages": len(document)}


JOBS: dict[str, Callable[[Path, Path, dict[str, Any]], dict[str, Any]]] = {"text": text, "pages": pages}


def _open(path: Path) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        wanted = getattr(error, "err_code", None) in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        raise Fault("password" if wanted else "broken") from None
    if not len(document):
        raise Fault("no pages")
    if len(document) > MAX_PAGES:
        raise Fault("long")
    return document


def _page(document: pdfium.PdfDocument, number: int) -> pdfium.PdfPage | None:
    try:
        return document[number]
    except pdfium.PdfiumError:
        return None


def _has_picture(page: pdfium.PdfPage) -> bool:
    return any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _draw(page: pdfium.PdfPage, paper: bytearray, width: int, height: int) -> None:
    wide, high = page.get_size()
    if not (wide > 0 and high > 0):
        return
    scale = min(width / wide, height / high)
    bitmap = page.render(scale=scale, grayscale=True, fill_color=(255, 255, 255, 255), rev_byteorder=False)
    across, down = min(bitmap.width, width), min(bitmap.height, height)
    left, top = (width - across) // 2, (height - down) // 2
    pixels = bytes(bitmap.buffer)
    if bitmap.n_channels != 1:
        pixels = pixels[:: bitmap.n_channels]
    stride = bitmap.stride // bitmap.n_channels
    for row in range(down):
        at = (top + row) * width + left
        paper[at : at + across] = pixels[row * stride : row * stride + across]


def _lines(page: pdfium.PdfPage) -> Iterator[Line]:
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
    mono = bool(flags.value & _FIXED_PITCH) or "mono" in called or "courier" in called
    return _Character(rect.left, rect.right, y.value, size, bold, mono)


def _readable(content: str) -> str:
    """A hyphen at a line's end as U+00AD; private characters, which stand for no letter, as U+FFFD."""
    content = content.replace("\x02", "\u00ad").replace("\ufffe", "\u00ad")
    return _PRIVATE.sub("\ufffd", content)
