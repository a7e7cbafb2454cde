"""A document as a person gives it: a file or what came on standard input, ready to be shown as pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.core.work import Work
from redraft.tasks.summary.documents.files import MARKDOWN, TEXT, read_file
from redraft.tasks.summary.documents.pdf_process import FAULTS
from redraft.tasks.summary.options import MAX_CHARACTERS
from redraft.tasks.summary.truth import truth_of

STANDARD_INPUT = "standard input"
SUFFIXES = (*TEXT, *MARKDOWN, ".pdf")
"""Files of a folder that are taken for documents."""
OWN = (".summary.txt", ".summary.md")
"""Ends of names that are summaries and no documents."""
WITHOUT_TEXT = (FAULTS["scanned"][0], FAULTS["unreadable"][0])
"""Faults of a PDF that can still be shown by its own pages."""


@dataclass(frozen=True)
class Given:
    """name: what a person calls it. truth: of an example, with an empty summary; without text where only the PDF's
    own pages are there. own_pages: it is shown by them. notes: what to say about it, a sentence each."""

    name: str
    path: Path
    truth: Mapping[str, Any]
    own_pages: bool = False
    notes: tuple[str, ...] = field(default=())


def open_document(path: Path, name: str, work: Work, *, own_pages: bool = False, language: str = "") -> Given:
    """Reads a file. own_pages: show a PDF by its own pages, even where it has text.

    A PDF without text is shown by its own pages, which its notes say. What cannot be read is an InputError.
    """
    if own_pages and not _is_pdf(path):
        raise InputError(
            "this is no PDF, so it has no pages of its own", where=name, remedy="Leave --pdf-pages out"
        )
    try:
        read = read_file(path, work, MAX_CHARACTERS)
    except InputError as error:
        if error.what in WITHOUT_TEXT:
            say = f"{error.what}: its own pages were shown"
            return Given(name, path, truth_of("", "", language=language), True, (say,))
        error.where = name
        raise
    truth = truth_of(read.text, "", format=read.format, title=read.title, language=language)
    return Given(name, path, truth, own_pages, read.notes)


def find_documents(folder: Path) -> list[Path]:
    """The documents below a folder in the order of their names, hidden files and summaries left out.

    A folder without any is an InputError.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not path.name.lower().endswith(OWN)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
    if not found:
        raise InputError(
            "there is no document in this folder",
            where=str(folder),
            remedy=f"Documents are files that end in {', '.join(SUFFIXES)}",
        )
    return found


def _is_pdf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"%PDF-" in file.read(1024)
    except OSError:
        return False
