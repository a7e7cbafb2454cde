"""Plain text to blocks: hard-wrapped paragraphs, titles, lists, preformatted lines, as reStructuredText has them.

What a plain text means is guessed from its lines; a wrong guess changes how a page looks, never what stands on it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Generator, Iterator

from redraft.tasks.summary.documents.blocks import Block, Code, Heading, Item, Paragraph, Rule, spans
from redraft.tasks.summary.documents.joining import join
from redraft.tasks.summary.documents.plain_lines import (
    ADORNMENT,
    FIELD,
    MAIL,
    MARKER,
    NUMBERED,
    PROMPT,
    SPACED_RULE,
    ends_early,
    in_columns,
    indent_of,
    is_centred_title,
    is_prose,
    is_table,
    is_title,
    is_wordy,
)

Found = Generator[Block, None, int]
"""Blocks, and the line to go on with."""
WIDEST = 120
"""Characters of a line beyond which a text is not hard-wrapped: each line is a paragraph then."""
MANY = 4
"""So many lines one after the other that look like titles are none."""


def plain_blocks(text: str) -> list[Block]:
    """The blocks of a normalised text."""
    reader = _Reader(text)
    blocks = list(reader.blocks())
    if reader.guessed:
        _withdraw(blocks, reader.guessed)
    return blocks


def _withdraw(blocks: list[Block], guessed: set[int]) -> None:
    """Titles that were guessed and head nothing become paragraphs."""
    last = len(blocks) - 1
    for is_heading, group in itertools.groupby(range(len(blocks)), lambda at: id(blocks[at]) in guessed):
        run = list(group)
        for at in run if is_heading and len(run) >= MANY else run[-1:] if is_heading and run[-1] == last else ():
            block = blocks[at]
            assert isinstance(block, Heading)
            blocks[at] = Paragraph(block.content)


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines = [line.rstrip() for line in text.expandtabs(8).split("\n")]
        self.levels: dict[str, int] = {}
        self.guessed: set[int] = set()
        """The ids of headings that no underline proves."""
        self.has_adorned = any(
            line[:1] == line[-1:] != "" and bool(before) and self._underlined(before, line)
            for before, line in itertools.pairwise(self.lines)
        )
        lengths = sorted(map(len, filter(None, self.lines)))
        self.width = lengths[int(len(lengths) * 0.95)] if lengths else 0
        self.wrapped = self.width <= WIDEST
        self.stack: list[tuple[int, int]] = []
        """The open lists: where their markers and their texts begin."""

    def blocks(self) -> Iterator[Block]:
        at = 0
        while at < len(self.lines):
            if self.lines[at]:
                at = yield from self._group(at, self._end(at))
            else:
                at += 1

    def _end(self, at: int) -> int:
        """Where the lines without a blank one between them end."""
        while at < len(self.lines) and self.lines[at]:
            at += 1
        return at

    def _group(self, at: int, end: int) -> Found:
        """The blocks of lines at to end, between blank ones."""
        while at < end:
            line = self.lines[at]
            indent = indent_of(line)
            self._close_lists(line, indent)
            base = self.stack[-1][1] if self.stack else 0
            if (line[indent] in "+|=" or not line.isascii()) and is_table(line, indent):
                least = min(map(indent_of, self.lines[at:end]))
                yield Code("\n".join(row[least:] for row in self.lines[at:end]))
                return end
            if SPACED_RULE.match(line):
                yield Rule()
                at += 1
            elif not indent and (found := self._adorned(at, end)):
                block, at = found
                yield block
            elif marker := MARKER.match(line, indent):
                at = yield from self._item(at, end, indent, marker)
            elif indent > base + 1 and not self._first_line(at, end):
                at = yield from self._indented(at, end, indent)
                end = max(end, at)
            elif line[0] == ">" or line.startswith("$ "):
                at = yield from self._signed(at, end)
            else:
                at = yield from self._paragraph(at, end, indent)
        return at

    def _close_lists(self, line: str, indent: int) -> None:
        while self.stack and indent < self.stack[-1][1]:
            if indent == self.stack[-1][0] and MARKER.match(line, indent):
                break
            self.stack.pop()

    def _underlined(self, title: str, line: str) -> bool:
        return len(line) >= len(title) - 1 and bool(ADORNMENT.match(line)) and not ADORNMENT.match(title)

    def _adorned(self, at: int, end: int) -> tuple[Block, int] | None:
        """A title with a line of signs under it, and maybe one above; or such a line alone."""
        line = self.lines[at]
        if at + 1 < end and self._underlined(line, self.lines[at + 1]):
            return self._heading(self.lines[at + 1][0], line), at + 2
        if line[0].isalnum() or not ADORNMENT.match(line):
            return None
        if at + 2 < end and self.lines[at + 2] == line and not ADORNMENT.match(self.lines[at + 1]):
            return self._heading(line[:2], self.lines[at + 1].strip()), at + 3
        return (Rule(), at + 1) if at + 1 == end else None

    def _heading(self, mark: str, title: str) -> Heading:
        """Levels by the order in which underlines appear (reStructuredText, sections)."""
        return Heading(self.levels.setdefault(mark, min(len(self.levels) + 1, 6)), spans(title))

    def _first_line(self, at: int, end: int) -> bool:
        """A paragraph whose first line alone is indented."""
        return at + 1 < end and self.lines[at + 1][0] != " " and len(self.lines[at]) > 40

    def _item(self, at: int, end: int, indent: int, marker: re.Match[str]) -> Found:
        if not indent and self._numbered_title(at, end):
            return (yield from self._paragraph(at, end, indent))
        content = marker.end()
        if self.stack and self.stack[-1][0] == indent:
            self.stack.pop()
        self.stack.append((indent, content))
        rows, at = [self.lines[at][content:]], at + 1
        while at < end:
            line = self.lines[at]
            inner = indent_of(line)
            if inner < min(indent + 1, content) or inner > content + 1 or MARKER.match(line, inner):
                break
            rows.append(line.strip())
            at += 1
        yield Item(spans(join(rows)), len(self.stack) - 1, "•" if marker[1] else marker[2])
        return at

    def _numbered_title(self, at: int, end: int) -> bool:
        """A number and a title that stand alone, with a paragraph below in place of another entry."""
        if at + 1 < end or self.has_adorned or self.stack or not NUMBERED.match(self.lines[at]):
            return False
        below = next((line for line in self.lines[end:] if line), "")
        return is_title(self.lines[at]) and below[:1] not in ("", " ") and not MARKER.match(below)

    def _indented(self, at: int, end: int, indent: int) -> Found:
        """Prose that is set in, a title in the middle, or code."""
        if at + 1 == end and not self.stack and not self.has_adorned and is_centred_title(self.lines[at], indent):
            yield self._guess(1, self.lines[at].strip())
            return end
        until = self._prose(at, end, indent)
        if until <= at + 1 < end and is_wordy(self.lines[at:end]):
            inner = (
                row for row in range(at + 1, end) if MARKER.match(self.lines[row], indent_of(self.lines[row]))
            )
            until = next(inner, end)
        if until == at:
            return (yield from self._code(at, indent))
        content = spans(join([line.strip() for line in self.lines[at:until]]))
        yield Item(content, len(self.stack) - 1, "") if self.stack else Paragraph(content, quoted=1)
        return until

    def _prose(self, at: int, end: int, indent: int) -> int:
        """Where equally indented lines end that read as sentences; `at` where they do not."""
        until = at
        while until < end and indent_of(self.lines[until]) == indent:
            until += 1
        if until < end and indent_of(self.lines[until]) > indent:
            return at
        return until if is_prose([line[indent:] for line in self.lines[at:until]]) else at

    def _code(self, at: int, indent: int) -> Found:
        """Indented lines, over the blank ones between them, as they stand, up to less indented ones or prose."""
        start = last = at
        while at < len(self.lines):
            if self.lines[at]:
                inner = indent_of(self.lines[at])
                if inner < indent:
                    break
                if inner == indent and at > last + 1 and self._prose(at, self._end(at), indent) > at:
                    break
                last = at
            at += 1
        yield Code("\n".join(line[indent:] for line in self.lines[start : last + 1]))
        return last + 1

    def _signed(self, at: int, end: int) -> Found:
        """A session at a prompt, as it stands; or a quotation as mails have it."""
        line = self.lines[at]
        if PROMPT.match(line):
            yield Code("\n".join(self.lines[at:end]))
            return end
        signs = MAIL.match(line)
        if not signs:
            return (yield from self._paragraph(at, end, 0))
        mark, rows = signs[0].rstrip(), []
        while at < end and (found := MAIL.match(self.lines[at])) and found[0].rstrip() == mark:
            rows.append(self.lines[at][found.end() :].strip())
            at += 1
        for is_text, group in itertools.groupby(rows, bool):
            if is_text:
                yield Paragraph(spans(join(list(group))), quoted=mark.count(">"))
        return at

    def _paragraph(self, at: int, end: int, indent: int) -> Found:
        line = self.lines[at].strip()
        alone = at + 1 == end and (not at or not self.lines[at - 1])
        if alone and not indent and not self.has_adorned and is_title(line):
            number = NUMBERED.match(line)
            yield self._guess(min(number[1].count(".") + 1, 6) if number else 1, line)
            return end
        if not self.wrapped:
            yield self._text([line], indent)
            return at + 1
        if in_columns(self.lines[at:end]):
            yield Code("\n".join(self.lines[at:end]))
            return end
        fields = bool(FIELD.match(line))
        rows, at = [line], at + 1
        while at < end:
            following = self.lines[at]
            inner = indent_of(following)
            if FIELD.match(following) if fields else inner > indent + 1:
                break
            if MARKER.match(following, inner) and rows[-1].endswith(":"):
                break
            if ends_early(rows[-1], following.strip(), self.width):
                break
            rows.append(following.strip())
            at += 1
        yield self._text(rows, indent)
        return at

    def _text(self, rows: list[str], indent: int) -> Block:
        content = spans(join(rows))
        if self.stack and indent >= self.stack[-1][1]:
            return Item(content, len(self.stack) - 1, "")
        return Paragraph(content)

    def _guess(self, level: int, title: str) -> Heading:
        heading = Heading(level, spans(title))
        self.guessed.add(id(heading))
        return heading
