"""Markdown to blocks, by CommonMark's rules and GitHub's tables.

HTML tags leave their text, pictures their description; what is not shown of them is a note.
"""

from __future__ import annotations

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from redraft.tasks.summary.documents.blocks import (
    Block,
    Code,
    Heading,
    Item,
    Paragraph,
    Rule,
    Span,
    Spans,
    Table,
)
from redraft.tasks.summary.documents.html_text import html_text
from redraft.tasks.summary.documents.joining import spaced
from redraft.tasks.summary.documents.plain import plain_blocks

BULLETS = "•◦▪"
DEEPEST = 60
"""Lists and quotations within one another; the library leaves out what lies deeper."""
_CELL_END = re.compile(r"(?<!\\)\|")


@cache
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"maxNesting": DEEPEST}).enable(["table", "strikethrough"])


def markdown_blocks(text: str) -> tuple[list[Block], tuple[str, ...]]:
    """The blocks and the notes."""
    tokens = _reader().parse(text)
    if any(token.level >= DEEPEST - 1 for token in tokens):
        note = f"lists or quotations more than {DEEPEST // 2} deep, so all of it is shown as plain text"
        return list(plain_blocks(text)), (note,)
    walk = _Walk(text)
    for token in tokens:
        walk.take(token)
    return walk.blocks, walk.notes()


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.blocks: list[Block] = []
        self.pictures: list[str] = []
        self.html = 0
        self.heading = 0
        self.quoted = 0
        self.lists: list[int | None] = []
        """The number of each open list's next entry; None for bullets."""
        self.marker = ""
        self.fresh = False
        """Whether the open entry still has its marker to show."""
        self.rows: list[tuple[Spans, ...]] = []
        self.row: list[Spans] = []
        self.has_header = False
        self.in_table = False
        self.lines: list[str] = []
        self.ragged = 0

    def take(self, token: Token) -> None:
        handler = getattr(self, f"_{token.type}", None)
        if handler is not None:
            handler(token)

    def notes(self) -> tuple[str, ...]:
        notes = [f"a picture is not shown: {name}" for name in self.pictures]
        if self.html:
            notes.append(f"{self.html} HTML tag{'s are' if self.html > 1 else ' is'} not shown, but for the text")
        if self.ragged:
            notes.append("a table with more cells than columns is shown as it is written")
        return tuple(notes)

    def _heading_open(self, token: Token) -> None:
        self.heading = int(token.tag[1])

    def _heading_close(self, token: Token) -> None:
        self.heading = 0

    def _blockquote_open(self, token: Token) -> None:
        self.quoted += 1

    def _blockquote_close(self, token: Token) -> None:
        self.quoted -= 1

    def _bullet_list_open(self, token: Token) -> None:
        self._flush_marker()
        self.lists.append(None)

    def _ordered_list_open(self, token: Token) -> None:
        self._flush_marker()
        self.lists.append(int(token.attrGet("start") or 1) if token.attrGet("start") != 0 else 0)

    def _bullet_list_close(self, token: Token) -> None:
        self.lists.pop()

    _ordered_list_close = _bullet_list_close

    def _list_item_open(self, token: Token) -> None:
        self._flush_marker()
        number = self.lists[-1]
        if number is None:
            self.marker = BULLETS[(len(self.lists) - 1) % len(BULLETS)]
        else:
            self.marker = f"{number}{token.markup or '.'}"
            self.lists[-1] = number + 1
        self.fresh = True

    def _list_item_close(self, token: Token) -> None:
        self._flush_marker()

    def _flush_marker(self) -> None:
        """An entry that begins with something else than text keeps its marker on a line of its own."""
        if self.fresh:
            self.blocks.append(Item((), len(self.lists) - 1, self.marker))
            self.fresh = False

    def _inline(self, token: Token) -> None:
        content = self._spans(token.children or [])
        if self.in_table:
            self.row.append(content)
        elif self.heading:
            self._flush_marker()
            if content:
                self.blocks.append(Heading(self.heading, content))
        elif not content and not self.fresh:
            return
        elif self.lists:
            self.blocks.append(Item(content, len(self.lists) - 1, self.marker if self.fresh else ""))
            self.fresh = False
        else:
            self.blocks.append(Paragraph(content, self.quoted))

    def _fence(self, token: Token) -> None:
        self._flush_marker()
        language = token.info.split()[0] if token.info.split() else ""
        self.blocks.append(Code(token.content.rstrip("\n").expandtabs(4), language))

    _code_block = _fence

    def _html_block(self, token: Token) -> None:
        texts, tags = html_text(token.content)
        self.html += tags
        for text in texts:
            self._flush_marker()
            self.blocks.append(Paragraph((Span(text),), self.quoted))

    def _hr(self, token: Token) -> None:
        self._flush_marker()
        self.blocks.append(Rule())

    def _table_open(self, token: Token) -> None:
        self._flush_marker()
        self.rows, self.in_table, self.has_header = [], True, False
        start, end = token.map or (0, 0)
        self.lines = self.text.split("\n")[start:end]

    def _thead_open(self, token: Token) -> None:
        self.has_header = True

    def _tr_open(self, token: Token) -> None:
        self.row = []

    def _tr_close(self, token: Token) -> None:
        self.rows.append(tuple(self.row))

    def _table_close(self, token: Token) -> None:
        self.in_table = False
        columns = len(self.rows[0])
        if any(len(_CELL_END.split(line.strip().strip("|"))) > columns for line in self.lines):
            # GitHub's rules leave out cells beyond the header's columns.
            self.blocks.append(Code("\n".join(self.lines).expandtabs(4)))
            self.ragged += 1
        else:
            self.blocks.append(Table(tuple(self.rows), self.has_header))

    def _spans(self, tokens: list[Token]) -> Spans:
        found: list[Span] = []
        bold = italic = 0
        for at, token in enumerate(tokens):
            text, code = "", False
            match token.type:
                case "text":
                    text = token.content
                case "text_special":
                    text = token.content
                case "code_inline":
                    text, code = token.content, True
                case "hardbreak":
                    text = " "
                case "softbreak":
                    following = next((t.content for t in tokens[at + 1 :] if t.content), "")
                    text = " " if not found or spaced(found[-1].text, following) else ""
                case "strong_open" | "strong_close":
                    bold += 1 if token.nesting == 1 else -1
                case "em_open" | "em_close":
                    italic += 1 if token.nesting == 1 else -1
                case "html_inline":
                    self.html += 1
                    text = " " if token.content.lower().startswith("<br") else ""
                case "image":
                    text = token.content
                    self.pictures.append(str(token.attrGet("src") or "") or text)
            if text:
                span = Span(text, bool(bold), bool(italic), code)
                if found and _alike(found[-1], span):
                    found[-1] = Span(found[-1].text + text, span.bold, span.italic, code)
                else:
                    found.append(span)
        return tuple(found)


def _alike(one: Span, other: Span) -> bool:
    return (one.bold, one.italic, one.code) == (other.bold, other.italic, other.code)
