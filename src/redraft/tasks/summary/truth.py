"""What an example of this task knows: the document's text, how to read it, and its summary.

JSON: `text` and `format` ("text" or "markdown"), from which pages are drawn; `summary`; and what else is known:
`title`, `language` (BCP 47), `source` (dataset, original_split, original_index, licence, file). `pages: "given"`
marks an example whose pictures are a person's own (a scanned PDF): it keeps them, and may have no text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Format = Literal["text", "markdown"]
FIELDS = {
    "text": "the document, from which the pages are drawn; empty where its own pictures are all there is",
    "format": "how the text is read: `text` or `markdown`",
    "summary": "what the model should answer",
    "title": "of the document, drawn above it; where known",
    "language": "BCP 47; where known",
    "source": "where it is from: `dataset`, `licence`, `original_split`, `original_index`, `file`; what is known",
    "pages": "`given` where the pictures are the document's own, such as a scan",
}
"""What a truth holds, for people."""
FORMATS: tuple[Format, ...] = ("text", "markdown")


def truth_of(
    text: str,
    summary: str,
    *,
    format: Format = "text",
    title: str = "",
    language: str = "",
    source: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The truth as JSON data; what is not known is left out."""
    known = {"title": title, "language": language, "source": dict(source or {})}
    return {"text": text, "format": format, "summary": summary} | {k: v for k, v in known.items() if v}


def page_name(index: int) -> str:
    """The file name of a page, from 0."""
    return f"page-{index + 1:03d}.png"
