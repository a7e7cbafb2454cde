"""Text to blocks: the one way that any document takes on its way to pages."""

from __future__ import annotations

from redraft.core.errors import UsageError
from redraft.tasks.summary.documents.blocks import Document
from redraft.tasks.summary.documents.files import FileText, read_data, read_file
from redraft.tasks.summary.documents.normalise import normalise
from redraft.tasks.summary.documents.plain import plain_blocks
from redraft.tasks.summary.truth import FORMATS

__all__ = ["FileText", "parse", "read_data", "read_file"]


def parse(text: str, format: str, title: str = "", language: str = "") -> Document:
    """The blocks of a text.

    format: "text" (plain text, also as reStructuredText writes it) or "markdown". Nothing of the text is lost but
    its markup: see docs/reading-documents.md for what counts as such. The document's notes name what was left out.
    """
    text, notes = normalise(text)
    title = " ".join(normalise(title)[0].split())
    if format == "text":
        return Document(tuple(plain_blocks(text)), title, language, notes)
    if format == "markdown":
        from redraft.tasks.summary.documents.markdown import markdown_blocks

        blocks, more = markdown_blocks(text)
        return Document(tuple(blocks), title, language, notes + more)
    raise UsageError(f"'{format}' is no format of a text", remedy=f"Use one of: {', '.join(FORMATS)}")
