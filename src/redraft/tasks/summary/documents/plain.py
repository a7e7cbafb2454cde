"""Plain text to blocks: hard-wrapped paragraphs, titles, lists, preformatted lines, as reStructuredText has them.

What a plain text means is guessed from its lines; a wrong guess changes how a page looks, never what stands on it.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from redraft.tasks.summary.documents.blocks import Block, Code, Heading, Item, Paragraph, Rule, spans

_BULLET = re.compile(r"(?:([-*+•‣◦▪–])|(\(?(?:\d{1,3}|[A-Za-z]|[ivx]{2,4})[.)]|#\.))[ ]+(?=\S)")
_ADORNMENT = re.compile(r"([=\-~^\"'`#*+:._!$%&,/;<>?@\\|])\1{2,}$")
_GRID = re.compile(r"\+[-=+]{2,}\+?$|\|.*\|$")
_SIMPLE_TABLE = re.compile(r"={2,}(?: +={2,})+$")
_GAP = re.compile(r"\S {3,}\S")
_ENDS = (".", ",", ";", ":", "!", "?", "。", "、", "！", "？", "।", "؟", "।")
TITLE_LENGTH = 80


def plain_blocks(text: str) -> Iterator[Block]:
    """The blocks of a normalised text."""
    return _Reader(text).blocks()


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines = [line.rstrip() for line in text.expandtabs(8).split("\n")]
        self.adorned: list[str] = []
        self.levels: dict[str, int] = {}
        self.has_adorned = any(
            _ADORNMENT.match(line) and before and not _ADORNMENT.match(before) and len(line) >= len(before) - 1
            for before, line in zip(self.lines, self.lines[1:], strict=False)
        )
        lengths = sorted(len(line) for line in self.lines if line)
        self.width = min(lengths[int(len(lengths) * 0.95)], 120) if lengths else 0
        self.wrapped = not lengths or lengths[-1] <= 250
        self.stack: list[tuple[int, int]] = []
        """The open lists: where their markers and their texts begin."""

    def blocks(self) -> Iterator[Block]:
        at, lines = 0, self.lines
        while at < len(lines):
            line = lines[at]
            if not line:
                at += 1
                continue
            end = at
            while end < len(lines) and lines[end]:
                end += 1
            at = yield from self._group(at, end)

    def _group(self, at: int, end: int) -> Generator[Block, None, int]:
        """The blocks of lines at to end, between blank ones; returns where to go on."""
        lines = self.lines
        while at < end:
            line = lines[at]
            indent = len(line) - len(line.lstrip())
            while self.stack and indent < self.stack[-1][1]:
                if indent == self.stack[-1][0] and _BULLET.match(line, indent):
                    break
                self.stack.pop()
            base = self.stack[-1][1] if self.stack and indent >= self.stack[-1][1] else 0
            if _GRID.match(line, indent) or _SIMPLE_TABLE.match(line, indent):
                at = yield from self._table(at, end, indent)
                continue
            if at + 1 < end and len(lines[at + 1]) >= len(line) - 1 and not indent:
                mark = _ADORNMENT.match(lines[at + 1])
                if mark and not _ADORNMENT.match(line):
                    yield Heading(self._level(mark[1]), spans(line))
                    at += 2
                    continue
            if not indent and (mark := _ADORNMENT.match(line)):
                if (
                    at + 2 < end
                    and lines[at + 2][:1] == mark[1]
                    and _ADORNMENT.match(lines[at + 2])
                    and not _ADORNMENT.match(lines[at + 1])
                ):
                    yield Heading(self._level(mark[1] * 2), spans(lines[at + 1].strip()))
                    at += 3
                    continue
                if at + 1 == end and len(line) >= 4:
                    yield Rule()
                    at += 1
                    continue
            if found := _BULLET.match(line, indent):
                at = yield from self._item(at, end, indent, found)
                continue
            if indent > base + 1 and not self._first_line(at, end, indent):
                at = yield from self._code(at, indent)
                end = max(end, at)
                continue
            at = yield from self._paragraph(at, end, indent)
        return at

    def _level(self, mark: str) -> int:
        return self.levels.setdefault(mark, min(len(self.levels) + 1, 6))

    def _first_line(self, at: int, end: int, indent: int) -> bool:
        """A paragraph whose first line alone is indented."""
        following = self.lines[at + 1] if at + 1 < end else ""
        return bool(following) and not following[0].isspace() and len(self.lines[at]) > 40

    def _item(self, at: int, end: int, indent: int, found: re.Match[str]) -> Generator[Block, None, int]:
        content = found.end()
        if not (self.stack and self.stack[-1][0] == indent):
            self.stack.append((indent, content))
        else:
            self.stack[-1] = (indent, content)
        rows, at = [self.lines[at][content:]], at + 1
        while at < end:
            line = self.lines[at]
            inner = len(line) - len(line.lstrip())
            if _BULLET.match(line, inner) or inner < min(indent + 1, content) or inner > content + 1:
                break
            rows.append(line.strip())
            at += 1
        yield Item(spans(join(rows)), len(self.stack) - 1, "•" if found[1] else found[2])
        return at

    def _code(self, at: int, indent: int) -> Generator[Block, None, int]:
        """Indented lines, over the blank ones between them, as they stand."""
        start, last = at, at
        low = indent
        while at < len(self.lines):
            line = self.lines[at]
            if line:
                inner = len(line) - len(line.lstrip())
                if inner < indent:
                    break
                last = at
            at += 1
        yield Code("\n".join(line[low:] for line in self.lines[start : last + 1]))
        return last + 1

    def _table(self, at: int, end: int, indent: int) -> Generator[Block, None, int]:
        yield Code(
            "\n".join(
                line[indent:] if line[:indent].isspace() or not indent else line for line in self.lines[at:end]
            )
        )
        return end

    def _paragraph(self, at: int, end: int, indent: int) -> Generator[Block, None, int]:
        rows = [self.lines[at].strip()]
        if not self.wrapped:
            yield Paragraph(spans(rows[0]))
            return at + 1
        first = at
        at += 1
        while at < end:
            line = self.lines[at]
            inner = len(line) - len(line.lstrip())
            if inner > indent + 1 or (inner == indent and _BULLET.match(line, inner) and rows[-1].endswith(":")):
                break
            rows.append(line.strip())
            at += 1
        alone = first + 1 == end and (first == 0 or not self.lines[first - 1])
        if alone and not indent and self._title(rows[0]):
            yield Heading(1, spans(rows[0]))
        elif self.stack and indent >= self.stack[-1][1]:
            yield Item(spans(join(rows)), len(self.stack) - 1, "")
        else:
            yield Paragraph(spans(join(rows)))
        return at

    def _title(self, line: str) -> bool:
        return (
            not self.has_adorned
            and len(line) <= TITLE_LENGTH
            and not line.endswith(_ENDS)
            and not line[0].islower()
        )


_NO_SPACE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\ua4cf\uf900-\ufaff\uff00-\uffef]"
)
"""Scripts that are written without spaces between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese."""


def join(rows: list[str]) -> str:
    """Lines as one, with a space between them where the script has spaces."""
    if len(rows) == 1:
        return rows[0]
    text = " ".join(rows)
    if text.isascii():
        return text
    joined = rows[0]
    for row in rows[1:]:
        tight = joined and row and _NO_SPACE.match(joined[-1]) and _NO_SPACE.match(row[0])
        joined += row if tight else f" {row}"
    return joined
