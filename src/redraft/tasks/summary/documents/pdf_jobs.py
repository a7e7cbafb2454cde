"""What the walled process does with a PDF: its text by lines with their places, or its pages as pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
from pypdfium2 import raw

from redraft.tasks.summary.documents.pdf_letters import lines_of
from redraft.tasks.summary.documents.pdf_lines import Line, assemble

MAX_PAGES = 5000
SCANNED = 8
"""A page of fewer letters that has a picture on it is taken for a scanned one."""


class Fault(Exception):
    """A key of `pdf_process.FAULTS`."""


def text(path: Path, own: Path, request: dict[str, Any]) -> dict[str, Any]:
    """{max_characters} -> {text, title, pages, bare: pages without text, unreadable: characters}."""
    document = _open(path)
    lines: list[list[Line]] = []
    bare, pictures, letters, unreadable = [], 0, 0, 0
    for number in range(len(document)):
        page = _page(document, number)
        found = list(lines_of(page)) if page is not None else []
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
