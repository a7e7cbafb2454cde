"""Files to text, by their content: a suffix decides only between plain text and Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from redraft.core.errors import InputError
from redraft.core.work import Work
from redraft.tasks.summary.truth import Format

MAX_CHARACTERS = 10_000_000
MARKDOWN = (".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd")
TEXT = (".txt", ".text", ".rst", ".log", ".asc")
_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive or an office document (.docx, .odt, .epub)"),
    (b"\xd0\xcf\x11\xe0", "an old office document (.doc)"),
    (b"{\\rtf", "a rich-text document (.rtf)"),
    (b"%!PS", "a PostScript file"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"II*\x00", "a picture (TIFF)"),
    (b"MM\x00*", "a picture (TIFF)"),
    (b"RIFF", "a picture or a sound (RIFF)"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"PAR1", "a Parquet table"),
    (b"\x7fELF", "a program"),
)
_MARKDOWN_SIGNS = (
    re.compile(r"^#{1,6} \S", re.M),
    re.compile(r"^(?:```|~~~)", re.M),
    re.compile(r"\[[^\]\n]+\]\([^)\s]+\)"),
    re.compile(r"\*\*[^*\s][^*\n]*\*\*"),
)
_WINDOWS = {
    code: bytes((code,)).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
_FRONT = re.compile(r"---\n(.*?\n)?(?:---|\.\.\.)\n", re.S)


@dataclass(frozen=True)
class FileText:
    """What a file says. format: how `parse` reads the text. title: empty where the file names none.

    notes: what was done to read it and what of it could not be read, a sentence each.
    """

    text: str
    format: Format
    title: str = ""
    notes: tuple[str, ...] = ()


def read_file(path: Path, work: Work, max_characters: int = MAX_CHARACTERS) -> FileText:
    """The text of a file: plain text, Markdown, or PDF.

    What cannot be read is an InputError: no such file, another kind of file, an encrypted, broken or scanned PDF,
    nothing in it, more than max_characters.
    """
    try:
        with path.open("rb") as file:
            start = file.read(1024)
            if b"%PDF-" not in start:
                size = path.stat().st_size
                if size > 4 * max_characters:
                    raise _long(f"{size / 1e6:,.0f} MB", path, max_characters)
                # A pipe or a device has no size, and maybe no end.
                return read_data(start + file.read(4 * max_characters), path, work, max_characters)
    except IsADirectoryError:
        raise InputError("this is a folder", where=str(path), remedy="Name a file in it") from None
    except OSError as error:
        raise InputError(
            f"this file cannot be read ({error.strerror})",
            where=str(path),
            remedy="Check its name and permissions",
        ) from None
    from redraft.tasks.summary.documents.pdf import pdf_text

    return pdf_text(path, work, max_characters)


def read_data(data: bytes, path: Path, work: Work, max_characters: int = MAX_CHARACTERS) -> FileText:
    """As `read_file`, of bytes that are there already, such as those of standard input. path: names them."""
    if b"%PDF-" in data[:1024]:
        from redraft.tasks.summary.documents.pdf import pdf_data

        return pdf_data(data, path, work, max_characters)
    if len(data) > 4 * max_characters:
        raise _long(f"{len(data) / 1e6:,.0f} MB", path, max_characters)
    kind = next((kind for magic, kind in _OTHERS if data.startswith(magic)), "")
    if kind:
        raise _other(f"this is {kind}, no document that is read here", path)
    text, notes = decode(data, path)
    if len(text) > max_characters:
        raise _long(f"{len(text):,} characters", path, max_characters)
    if not text.strip():
        raise InputError("there is no text in this file", where=str(path), remedy="Leave it out")
    if path.suffix.lower() not in MARKDOWN and re.match(r"\s*<(?:!doctype html|html)\b", text, re.I):
        raise _other("this is a web page (HTML)", path)
    format = format_of(path, text)
    title = ""
    if format == "markdown":
        text, title, more = _without_front_matter(text)
        notes += more
    for note in notes:
        work.log(f"{path.name}: {note}")
    return FileText(text, format, title, notes)


def decode(data: bytes, path: Path) -> tuple[str, tuple[str, ...]]:
    """Bytes as text: UTF-8, UTF-16 and UTF-32 with a byte order mark, else Windows-1252, which is said."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            name, shift = encoding.upper().removesuffix("-SIG"), len(mark) * encoding.endswith("sig")
            try:
                return data.decode(encoding), ()
            except UnicodeDecodeError as error:
                raise InputError(
                    f"this file begins as {name} and is not from byte {error.start + shift}",
                    where=str(path),
                    remedy="Save it again as UTF-8",
                ) from None
    if b"\0" in data:
        raise _other("this is not text: it holds zero bytes", path)
    try:
        return data.decode(), ()
    except UnicodeDecodeError as error:
        at = error.start
    odd = sum(data.count(byte) for byte in (*range(9), *range(14, 27)))
    if odd * 20 > len(data):
        raise _other("this is not text: many of its bytes are control characters", path)
    note = f"not UTF-8 (byte {at}), so it was read as Windows-1252, the common Latin-1"
    return _latin(data), (note,)


def _latin(data: bytes) -> str:
    """Windows-1252, with its five unused bytes as Latin-1 has them."""
    return data.decode("latin-1").translate(_WINDOWS)


def format_of(path: Path, text: str) -> Format:
    """By the suffix where it says so, else by the signs of Markdown in the text."""
    if path.suffix.lower() in MARKDOWN:
        return "markdown"
    if path.suffix.lower() in TEXT:
        return "text"
    start = text[:20_000]
    return "markdown" if sum(bool(sign.search(start)) for sign in _MARKDOWN_SIGNS) >= 2 else "text"


def _without_front_matter(text: str) -> tuple[str, str, tuple[str, ...]]:
    text = text.replace("\r\n", "\n")
    found = _FRONT.match(text)
    if found is None or not re.search(r"^\w[\w -]*:", found[1] or "", re.M):
        return text, "", ()
    title = re.search(r"^title:\s*(.+)$", found[1], re.M | re.I)
    name = title[1].strip().strip("\"'") if title else ""
    return text[found.end() :], name, ("its front matter (YAML) gave the title alone",)


def _other(what: str, path: Path) -> InputError:
    return InputError(what, where=str(path), remedy="Save it as PDF, Markdown or UTF-8 text")


def _long(much: str, path: Path, most: int) -> InputError:
    return InputError(
        f"{much} is more than the {most:,} characters that a document may have",
        where=str(path),
        remedy="Split it into parts",
    )
