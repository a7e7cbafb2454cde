"""Files of text by their content: encodings, formats, and one clear line for what is no document."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from redraft.core.errors import InputError
from redraft.core.work import Silent
from redraft.tasks.summary.documents.blocks import Heading
from redraft.tasks.summary.documents.read import FileText, parse, read_data, read_file

TEXT = "Grüße, мир, 世界 — ﷽\nsecond line\n"


def read(path: Path, data: bytes) -> FileText:
    path.write_bytes(data)
    return read_file(path, Silent())


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"],
)
def test_unicode_in_all_its_encodings(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path / "a.txt", data) == FileText(TEXT, "text")


def test_an_old_encoding_is_read_and_said(tmp_path: Path) -> None:
    work = Silent()
    path = tmp_path / "old.txt"
    path.write_bytes("Grüße – “quoted” €\x81".encode("cp1252", errors="replace").replace(b"?", b"\x81"))
    found = read_file(path, work)
    assert found.text == "Grüße – “quoted” €\x81"
    assert found.notes == ("not UTF-8 (byte 2), so it was read as Windows-1252, the common Latin-1",)
    assert work.logs == [f"old.txt: {found.notes[0]}"]


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a.md", "plain words", "markdown"),
        ("a.MARKDOWN", "plain words", "markdown"),
        ("a.txt", "# no\n\n**no** [x](y)", "text"),
        ("a.rst", "Title\n=====", "text"),
        ("README", "# Name\n\nSee [x](y) and **more**.", "markdown"),
        ("notes", "# a comment\nplain words", "text"),
    ],
)
def test_the_format_is_that_of_the_suffix_or_of_the_signs(
    tmp_path: Path, name: str, text: str, format: str
) -> None:
    assert read(tmp_path / name, text.encode()).format == format


def test_front_matter_gives_the_title(tmp_path: Path) -> None:
    found = read(tmp_path / "a.md", b'---\r\ntitle: "On pages"\r\ntags: [x]\r\n---\r\n# Begin\r\n')
    assert (found.title, found.text) == ("On pages", "# Begin\n")
    assert found.notes == ("its front matter (YAML) gave the title alone",)
    assert parse(found.text, found.format).blocks == (Heading(1, parse("Begin", "markdown").blocks[0].content),)  # type: ignore[union-attr]
    rule = read(tmp_path / "b.md", b"---\n\nText\n\n---\n\nmore\n")
    assert (rule.title, rule.notes) == ("", ())
    assert rule.text.startswith("---")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "there is no text in this file"),
        (b" \n\t\r\n", "there is no text in this file"),
        (b"PK\x03\x04" + bytes(100), "this is a ZIP archive or an office document"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), r"this is a picture \(PNG\)"),
        (b"\xff\xd8\xff\xe0" + bytes(100), r"this is a picture \(JPEG\)"),
        (b"{\\rtf1 hello}", "this is a rich-text document"),
        (b"<!DOCTYPE html><html><body>x</body></html>", "this is a web page"),
        (b"some\0thing", "this is not text: it holds zero bytes"),
        (bytes(range(1, 9)) * 20 + b"\x80\x90", "this is not text: many of its bytes are control characters"),
        (codecs.BOM_UTF8 + b"abc\xff", "this file begins as UTF-8 and is not from byte 6"),
        (codecs.BOM_UTF16_LE + b"a\0\x00\xd8", "this file begins as UTF-16 and is not from byte 4"),
    ],
)
def test_what_is_no_document_is_one_clear_line(tmp_path: Path, data: bytes, what: str) -> None:
    path = tmp_path / "document.txt"
    with pytest.raises(InputError, match=what) as found:
        read(path, data)
    error = found.value
    assert error.where == str(path)
    assert error.remedy
    assert "\n" not in str(error)
    assert error.exit_code == 1


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_file(tmp_path / "nothing.txt", Silent())
    with pytest.raises(InputError, match="this is a folder"):
        read_file(tmp_path, Silent())


def test_fifty_megabytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.write(b"words ")
        file.truncate(50_000_000)
    with pytest.raises(InputError, match="50 MB is more than the 10,000,000 characters that a document may have"):
        read_file(path, Silent())
    path.write_bytes(b"word " * 3_000_000)
    with pytest.raises(InputError, match="15,000,000 characters is more than the 10,000,000"):
        read_file(path, Silent())
    path.write_text("word " * 300)
    with pytest.raises(InputError, match="1,500 characters is more than the 1,000"):
        read_file(path, Silent(), max_characters=1000)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no endless device")
def test_a_device_without_an_end_is_no_document() -> None:
    with pytest.raises(InputError, match=r"zero bytes|more than"):
        read_file(Path("/dev/zero"), Silent(), max_characters=100_000)


def test_bytes_of_standard_input_are_read_alike() -> None:
    assert read_data(TEXT.encode(), Path("-"), Silent()) == FileText(TEXT, "text")
    with pytest.raises(InputError, match=r"^-: there is no text"):
        read_data(b"", Path("-"), Silent())
