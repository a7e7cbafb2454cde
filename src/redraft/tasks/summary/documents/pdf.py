"""PDF files: their text, or their own pages as pictures. Read behind walls (`pdf_process`)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.core.work import Work
from redraft.tasks.summary.documents import pdf_process
from redraft.tasks.summary.documents.files import MAX_CHARACTERS, FileText


def pdf_text(path: Path, work: Work, max_characters: int = MAX_CHARACTERS) -> FileText:
    """The text of a PDF in reading order; InputErrors as in `files.read_file`."""
    with pdf_process.scratch() as folder:
        answer = pdf_process.ask(path, {"job": "text", "max_characters": max_characters}, Path(folder))
    text, title = str(answer.get("text", "")), str(answer.get("title", ""))
    bare = [page for page in _list(answer.get("bare")) if isinstance(page, int)]
    notes = []
    if bare:
        shown = ", ".join(map(str, bare[:8])) + (f" and {len(bare) - 8} more" if len(bare) > 8 else "")
        notes.append(f"page{'s' * (len(bare) > 1)} {shown} held no text")
    unreadable = answer.get("unreadable")
    if isinstance(unreadable, int) and unreadable:
        notes.append(f"{unreadable:,} characters could not be told and stand as U+FFFD")
    for note in notes:
        work.log(f"{path.name}: {note}", "warning")
    return FileText(text, "text", title, tuple(notes))


def pdf_data(data: bytes, path: Path, work: Work, max_characters: int = MAX_CHARACTERS) -> FileText:
    """As `pdf_text`, of bytes that are there already."""
    with pdf_process.scratch() as folder:
        given = Path(folder) / "given.pdf"
        given.write_bytes(data)
        try:
            return pdf_text(given, work, max_characters)
        except InputError as error:
            error.where = str(path)
            raise


def pdf_pages(path: Path, width: int, height: int, work: Work, max_pages: int = 64) -> list[bytes]:
    """The pages of a PDF as PNG files of width x height grey pixels, each as large as fits, on white.

    Of a longer document the first max_pages, which is logged. InputErrors as in `files.read_file`, but that a
    scanned PDF is no error.
    """
    request = {"job": "pages", "width": width, "height": height, "most": max_pages}
    with pdf_process.scratch() as folder:
        answer = pdf_process.ask(path, request, Path(folder))
        drawn, total = int(answer["drawn"]), int(answer["pages"])
        if total > drawn:
            work.log(f"{path.name}: the first {drawn} of its {total} pages are shown", "warning")
        pages = []
        for number in range(min(drawn, max_pages)):
            raw = Path(folder) / "own" / pdf_process.RAW.format(number)
            with raw.open("rb") as file:
                pixels = file.read(width * height)
            pages.append(_png(pixels.ljust(width * height, b"\xff"), width, height))
    return pages


def _png(pixels: bytes, width: int, height: int) -> bytes:
    """A grey PNG file (RFC 2083), each row unfiltered."""
    rows = b"".join(b"\0" + pixels[row * width : (row + 1) * width] for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 3)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
