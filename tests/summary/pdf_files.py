"""PDF files for tests, made here: printed pages by skia, and small ones by hand."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import skia

from redraft.tasks.summary.pages.fonts import fonts

PAGE = (595, 842)
"""A4 in points."""


def printed(path: Path, pages: Sequence[Sequence[tuple[float, float, float, str]]], title: str = "") -> Path:
    """Pages of pieces of text at (x, y from the top, size)."""
    stream = skia.FILEWStream(str(path))
    with skia.PDF.MakeDocument(stream, skia.PDF.Metadata({"Title": title})) as document:
        for pieces in pages:
            with document.page(*PAGE) as canvas:
                for x, y, size, text in pieces:
                    family = fonts().setting(text, "serif").runs(text)[0].families[0]
                    font = skia.Font(fonts().typeface(family), size)
                    right_to_left = unicodedata.bidirectional(text[0]) in ("R", "AL")
                    blob = skia.TextBlob.MakeFromShapedText(text, font, not right_to_left)
                    # A shaped blob hangs from its top.
                    canvas.drawTextBlob(blob, x, y + font.getMetrics().fAscent, skia.Paint())
    del stream
    return path


def column(text: str, x: float, y: float, characters: int, size: float = 10, indent: float = 0) -> list[tuple]:
    """A paragraph hard-wrapped at so many characters; lines 1.25 sizes apart."""
    lines = textwrap.wrap(text, characters)
    return [(x + indent * (not row), y + row * 1.25 * size, size, line) for row, line in enumerate(lines)]


def set_in_lines(path: Path, texts: Sequence[str], size: float = 14) -> Path:
    """A page of paragraphs as a layout engine sets them, each with the direction of its first letter."""
    layout, stream = skia.textlayout, skia.FILEWStream(str(path))
    with skia.PDF.MakeDocument(stream) as document, document.page(*PAGE) as canvas:
        for number, text in enumerate(texts):
            builder = layout.ParagraphBuilder.make(layout.ParagraphStyle(), fonts().collection, fonts().unicode)
            backward = unicodedata.bidirectional(text[0]) in ("R", "AL")
            builder.addText("\u2067" * backward)
            for run in fonts().setting(text).runs(text):
                style = layout.TextStyle()
                style.setFontFamilies(list(run.families))
                style.setFontSize(size)
                style.setColor(skia.ColorBLACK)
                builder.pushStyle(style)
                builder.addText(run.text)
                builder.pop()
            builder.addText("\u2069" * backward)
            paragraph = builder.Build()
            paragraph.layout(PAGE[0] - 100)
            paragraph.paint(canvas, 50, 60 + number * 8 * size)
    del stream
    return path


def scanned(path: Path, pages: int = 2) -> Path:
    """Pages that are pictures of text."""
    surface = skia.Surface(400, 560)
    with surface as canvas:
        canvas.clear(skia.ColorWHITE)
        canvas.drawString("A scanned page", 40, 80, skia.Font(fonts().typeface("DejaVu Sans"), 30), skia.Paint())
    picture = surface.makeImageSnapshot()
    stream = skia.FILEWStream(str(path))
    with skia.PDF.MakeDocument(stream) as document:
        for _ in range(pages):
            with document.page(*PAGE) as canvas:
                canvas.drawImageRect(picture, skia.Rect(0, 0, *PAGE))
    del stream
    return path


def by_hand(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of the given objects, the first of which is its catalogue (ISO 32000-1, 7.5)."""
    data, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    data += b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (len(objects) + 1, trailer)
    return data + b"startxref\n%d\n%%%%EOF\n" % start


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
ONE_PAGE = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"


def page(content: bytes) -> list[bytes]:
    """The objects of a file of one page with Helvetica as /F1."""
    return [
        CATALOGUE,
        ONE_PAGE,
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
    ]


def encrypted() -> bytes:
    """Its password is not the empty one: neither entry verifies (ISO 32000-1, 7.6.3)."""
    standard = b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -4 >>" % (b"11" * 32, b"22" * 32)
    objects = [*page(b"BT /F1 12 Tf 72 720 Td (Secret) Tj ET"), standard]
    return by_hand(objects, b"/Encrypt 5 0 R /ID [<00112233445566778899aabbccddeeff> <00>]")
