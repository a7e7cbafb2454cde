"""Tables: columns as wide as their cells need, wrapped cells, rules between rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from redraft.tasks.summary.documents.blocks import Span, Table, plain
from redraft.tasks.summary.pages.boxes import Area, Box, Part, line_cuts
from redraft.tasks.summary.pages.column import Column
from redraft.tasks.summary.pages.typeset import WIDE, Text, is_right_to_left

PADDING = 0.4
"""Ems left and right of a cell's text; half of it above and below."""
NARROWEST = 2.5
"""Ems of a column of cells; a table of more columns than have room is set row by row as running text."""
BETWEEN = " | "
"""Stands between the cells of such a row."""


def table_boxes(block: Table, column: Column) -> Iterator[Box]:
    """One box, whose header row is repeated where it goes on; or, without room, a text a row."""
    if not block.rows or not block.rows[0]:
        return
    pad = round(PADDING * column.em)
    count = len(block.rows[0])
    if column.width < count * (NARROWEST * column.em + 2 * pad):
        yield from _as_text(block, column)
        return
    rtl = is_right_to_left("\n".join(plain(cell) for row in block.rows for cell in row))
    header = replace(column.voice, bold=True, align="start")
    voices = [header if block.header and not number else replace(column.voice, align="start")
              for number in range(len(block.rows))]  # fmt: skip
    texts = [
        [column.setter.text(cell, voice, WIDE) for cell in row]
        for row, voice in zip(block.rows, voices, strict=True)
    ]
    widths = column_widths(texts, column.width - 2 * pad * count)
    yield _box(block, column, texts, widths, pad, rtl)


def column_widths(rows: Sequence[Sequence[Text]], room: int) -> list[int]:
    """Pixels of each column of cells, which sum to at most the room.

    Every column gets what its longest line needs where all have room; else what is left beyond their longest words
    is shared in proportion to what each lacks (CSS 2.1, 17.5.2.2).
    """
    least, most = [1.0] * len(rows[0]), [1.0] * len(rows[0])
    for row in rows:
        for index, text in enumerate(row):
            if text.content:
                least[index] = max(least[index], text.paragraph.MinIntrinsicWidth + 2)
                most[index] = max(most[index], text.paragraph.MaxIntrinsicWidth + 2)
    if sum(most) <= room:
        return [int(width) + 1 for width in most] if sum(most) + len(most) <= room else [int(w) for w in most]
    if sum(least) > room:
        # Words must be broken: those of the widest columns first.
        low, high = 1.0, float(room)
        while high - low > 0.5:
            cap = (low + high) / 2
            low, high = (cap, high) if sum(min(width, cap) for width in least) <= room else (low, cap)
        return [max(1, int(min(width, low))) for width in least]
    left = room - sum(least)
    lacks = [full - need for full, need in zip(most, least, strict=True)]
    return [int(need + left * lack / sum(lacks)) for need, lack in zip(least, lacks, strict=True)]


def _box(
    block: Table, column: Column, rows: Sequence[Sequence[Text]], widths: Sequence[int], pad: int, rtl: bool
) -> Box:
    total = sum(widths) + 2 * pad * len(widths)
    start = column.width - total if rtl else 0
    strong, weak = column.tint(0.8), column.tint(0.3)
    box = Box(0, [], column.gap, areas=[Area(start, 0, start + total, 1, strong)])
    y = 1
    for number, row in enumerate(rows):
        # One height of line for the whole row, so that a high row can be cut between lines.
        pitch = max(text.pitch for text in row)
        x, top, bottom = start, y + pad // 2, y
        for width, cell in zip(widths, row, strict=True):
            if cell.pitch == pitch:
                text = cell.fit(width)
            else:
                text = column.setter.text(cell.content, cell.voice, width, pitch=pitch)
            left = column.width - (x - start) - width - pad if rtl else x + pad
            box.parts.append(Part(text, left, top))
            bottom = max(bottom, top + text.height)
            x += width + 2 * pad
        lines = (bottom - top) // pitch
        box.hard_cuts += [top + line * pitch for line in range(1, lines)]
        y = bottom + pad - pad // 2
        last = number == len(rows) - 1
        below_header = block.header and not number
        thick = 2 if below_header else 1
        box.areas.append(Area(start, y, start + total, y + thick, strong if last or below_header else weak))
        y += thick
        if not last and not below_header:
            box.cuts.append(y)
            box.hard_cuts.append(y)
        if below_header:
            box.repeat = y
    box.height = y
    return box


def _as_text(block: Table, column: Column) -> Iterator[Box]:
    for number, row in enumerate(block.rows):
        content: list[Span] = []
        for index, cell in enumerate(row):
            content += [Span(BETWEEN)] * (index > 0) + list(cell)
        voice = replace(column.voice, bold=block.header and not number)
        text = column.setter.text(tuple(content), voice, column.width)
        cuts, hard = line_cuts(text)
        yield Box(text.height, [Part(text, 0, 0)], column.gap if not number else column.gap // 3,
                  cuts=cuts, hard_cuts=hard)  # fmt: skip
