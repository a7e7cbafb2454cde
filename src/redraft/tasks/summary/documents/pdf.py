"""PDF files: their text, or their own pages as pictures. Read behind walls (`pdf_process`)."""

from __future__ import annotations

import os
import stat
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.core.work import Work
from redraft.tasks.summary.documents import pdf_process
from redraft.tasks.summary.documents.files import MAX_CHARACTERS, FileText

BATCH = 128 * 2**20
"""Pixels that one process leaves on the disk."""


def pdf_text(path: Path, work: Work, max_characters: int = MAX_CHARACTERS) -> FileText:
    """The text of a PDF in reading order; InputErrors as in `files.read_file`."""
    with pdf_process.ask(path, {"job": "text", "max_characters": max_characters}) as (answer, _):
        pass
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
    with tempfile.TemporaryDirectory(prefix="redraft-pdf-") as folder:
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
    pages: list[bytes] = []
    total = 1
    each = max(1, BATCH // (width * height))
    while len(pages) < min(total, max_pages):
        many = min(each, max_pages - len(pages))
        request = {"job": "pages", "width": width, "height": height, "first": len(pages), "most": many}
        with pdf_process.ask(path, request) as (answer, folder):
            counted = answer.get("pages")
            if not isinstance(counted, int):
                raise pdf_process.hostile(path, "it does not count its pages")
            total = counted
            for number in range(min(many, total - len(pages))):
                pixels = _read(folder / pdf_process.RAW.format(number), width * height)
                if pixels is None:
                    raise pdf_process.hostile(path, "a page is missing")
                pages.append(_png(pixels, width, height))
        work.progress("drawing a PDF's own pages", len(pages), min(total, max_pages))
    if total > len(pages):
        work.log(f"{path.name}: the first {len(pages)} of its {total} pages are shown", "warning")
    return pages


def _read(path: Path, size: int) -> bytes | None:
    """A plain file of just that size; the child may have left anything else in its place."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(handle)
        return file.read(size) if stat.S_ISREG(facts.st_mode) and facts.st_size == size else None


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
