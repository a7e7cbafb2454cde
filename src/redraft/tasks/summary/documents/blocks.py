"""A document as a list of blocks: what its pages show, before anything is laid out.

Inline text is a tuple of spans; `plain` joins them. Texts are Unicode in logical order (as they are read), in form
NFC, and hold no control characters but the line feeds inside Code.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False


Spans = tuple[Span, ...]


def spans(text: str) -> Spans:
    """Plain text as spans."""
    return (Span(text),) if text else ()


def plain(content: Spans) -> str:
    return "".join(span.text for span in content)


@dataclass(frozen=True, slots=True)
class Heading:
    """level: 1 (the document's parts) to 6."""

    level: int
    content: Spans


@dataclass(frozen=True, slots=True)
class Paragraph:
    """quoted: how deep it stands in quotations."""

    content: Spans
    quoted: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list. depth: from 0. marker: what stands before it ("•", "3.")."""

    content: Spans
    depth: int
    marker: str


@dataclass(frozen=True, slots=True)
class Code:
    """Preformatted text: its lines are kept; one that is too wide is broken, with a mark."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """rows of cells; all rows have equally many. header: the first row names the columns."""

    rows: tuple[tuple[Spans, ...], ...]
    header: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the column."""


Block = Heading | Paragraph | Item | Code | Table | Rule


@dataclass(frozen=True, slots=True)
class Document:
    """title: drawn first, larger than any heading; empty where there is none. language: BCP 47, or empty.

    notes: what its reader could not take over, a sentence each (a picture, an unreadable page).
    """

    blocks: tuple[Block, ...]
    title: str = ""
    language: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def text(self) -> str:
        """All of its text, a block a line, in reading order: what counts characters and tokens."""
        return "\n".join([self.title] * bool(self.title) + [block_text(block) for block in self.blocks])


def block_text(block: Block) -> str:
    match block:
        case Heading(content=content) | Paragraph(content=content):
            return plain(content)
        case Item(content=content, marker=marker):
            return f"{marker} {plain(content)}"
        case Code(text=text):
            return text
        case Table(rows=rows):
            return "\n".join("\t".join(plain(cell) for cell in row) for row in rows)
        case Rule():
            return ""
