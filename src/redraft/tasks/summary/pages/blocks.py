"""Blocks set as boxes: what each kind looks like in a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

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
    plain,
)
from redraft.tasks.summary.pages.boxes import Area, Box, Part, line_cuts
from redraft.tasks.summary.pages.code import code_box
from redraft.tasks.summary.pages.column import Column
from redraft.tasks.summary.pages.table import table_boxes
from redraft.tasks.summary.pages.typeset import WIDE, Text, Voice, is_right_to_left

TITLE = 1.7
"""Size of the title, of running text."""
HEADINGS = (1.4, 1.2, 1.08, 1.0, 1.0, 1.0)
"""By level."""
HEADING_SPACING = 1.2
INDENT = 1.4
"""Ems that a list's text stands behind its marker's left edge, at least."""
MARKER_GAP = 0.45
QUOTE = 1.0
"""Ems that a quotation is set in."""


def boxes(blocks: Sequence[Block], column: Column) -> Iterator[Box]:
    """The blocks' boxes, in order; a block may make several. Nothing is laid out before it is asked for."""
    before: Block | None = None
    indents: dict[int, int] = {}
    for index, block in enumerate(blocks):
        if isinstance(block, Item):
            if not isinstance(before, Item):
                indents = list_indents(blocks, index, column)
            yield item_box(block, column, indents, isinstance(before, Item))
        elif isinstance(block, Table):
            yield from table_boxes(block, column)
        else:
            yield _box(block, column, before)
        before = block


def _box(block: Block, column: Column, before: Block | None) -> Box:
    match block:
        case Heading():
            return heading_box(block, column)
        case Paragraph():
            return paragraph_box(block, column, before.quoted if isinstance(before, Paragraph) else 0)
        case Code():
            return code_box(block, column)
        case Rule():
            half = column.gap // 2 + 1
            return Box(2 * half, [], column.gap, [Area(0, half, column.width, half + 1, column.tint(0.5))])
    raise TypeError(f"no block: {type(block).__name__}")


def title_text(title: str, column: Column, width: int) -> Text:
    size = _heading_size(TITLE, column, width)
    voice = Voice(size, column.style.ink, HEADING_SPACING, bold=True)
    return column.setter.text((Span(title),), voice, width)


def heading_box(block: Heading, column: Column) -> Box:
    scale = HEADINGS[min(max(block.level, 1), 6) - 1]
    voice = Voice(_heading_size(scale, column, column.width), column.style.ink, HEADING_SPACING, bold=True)
    content = block.content
    if block.level >= 5:
        content = tuple(replace(span, italic=True) for span in content)
    text = column.setter.text(content, voice, column.width)
    return text_box(text, column.gap + round(0.5 * column.em * (scale > 1)), keep=True)


def _heading_size(scale: float, column: Column, width: int) -> float:
    """Smaller where the column is so narrow that few letters would stand on a line."""
    return max(column.em, min(scale * column.em, width / 10))


def text_box(text: Text, gap: int, x: int = 0, keep: bool = False) -> Box:
    cuts, hard = line_cuts(text)
    return Box(text.height, [Part(text, x, 0)], gap, cuts=cuts, hard_cuts=hard, keep=keep)


def paragraph_box(block: Paragraph, column: Column, quoted_before: int = 0) -> Box:
    inset = _inset(block.quoted * QUOTE, column)
    text = column.setter.text(block.content, column.voice, column.width - inset)
    x = 0 if text.right_to_left else inset
    box = text_box(text, column.gap, x)
    step = inset / block.quoted if block.quoted else 0
    thick = max(1, round(column.em / 8))
    for depth in range(block.quoted):
        left = round(depth * step + step / 4)
        if text.right_to_left:
            left = column.width - left - thick
        bar = Area(left, 0, left + thick, box.height, column.tint(0.35))
        box.areas.append(bar)
        if depth < quoted_before:
            box.bridges.append(replace(bar, top=-box.gap, bottom=0))
    return box


def list_indents(blocks: Sequence[Block], start: int, column: Column) -> dict[int, int]:
    """Where the text of each depth of a list begins, in pixels: behind the widest marker of that depth."""
    widths: dict[int, float] = {}
    for block in blocks[start:]:
        if not isinstance(block, Item):
            break
        widths.setdefault(block.depth, INDENT * column.em)
        if len(block.marker) > 1:
            marker = column.setter.text((Span(block.marker),), column.voice, WIDE)
            widths[block.depth] = max(widths[block.depth], marker.longest + MARKER_GAP * column.em)
    indents, x = {}, 0.0
    for depth in range(max(widths) + 1):
        x += widths.get(depth, INDENT * column.em)
        indents[depth] = _inset(x / column.em, column)
    return indents


def item_box(block: Item, column: Column, indents: dict[int, int], follows: bool) -> Box:
    inset = indents[block.depth]
    text = column.setter.text(block.content, column.voice, column.width - inset)
    if not block.marker.isascii() and len(block.marker) > 1:
        # A marker of another script may need a higher line.
        least = column.setter.text((Span(block.marker),), column.voice, WIDE).pitch
        if least > text.pitch:
            text = column.setter.text(block.content, column.voice, column.width - inset, pitch=least)
    rtl = text.right_to_left or (not plain(block.content) and is_right_to_left(block.marker))
    gap = column.gap // (3 if follows and block.marker else 1)
    box = text_box(text, gap, 0 if rtl else inset)
    if block.marker:
        _add_marker(box, block, text, column, indents, rtl)
    return box


def _add_marker(box: Box, block: Item, text: Text, column: Column, indents: dict[int, int], rtl: bool) -> None:
    """Right before the text's first line, on the same baseline. One that finds no room there stands above it."""
    outer = indents.get(block.depth - 1, 0)
    room = indents[block.depth] - outer
    voice = replace(column.voice, align="left")
    content: Spans = (Span(block.marker),)
    marker = column.setter.text(content, voice, WIDE, pitch=text.pitch, role="marker", rtl=rtl)
    wide = round(marker.longest + 0.5) + 1
    free = max(0, room - wide - round(MARKER_GAP * column.em))
    offset = outer + (free if len(block.marker) > 1 else max(0, min(free, round(0.5 * column.em))))
    if wide > room:
        offset, wide = outer, min(wide, column.width - outer)
        marker = column.setter.text(content, voice, wide, role="marker", rtl=rtl)
        box.parts[0] = replace(box.parts[0], y=marker.height)
        cuts, hard = line_cuts(text, marker.height)
        box.cuts, box.hard_cuts = cuts, [*line_cuts(marker)[1], marker.height, *hard]
        box.height += marker.height
    else:
        marker.shift += text.baseline - marker.baseline
    box.parts.insert(0, Part(marker, column.width - offset - wide if rtl else offset, 0))


def _inset(ems: float, column: Column) -> int:
    """At most half of the column, so that deep nesting leaves room for words."""
    return round(min(ems * column.em, column.width / 2))
