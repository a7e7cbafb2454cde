"""Code: its own lines, in fixed-width letters on a light ground; one that is too wide is broken, with a mark."""

from __future__ import annotations

from itertools import groupby

from redraft.tasks.summary.documents.blocks import Code, Span
from redraft.tasks.summary.pages.boxes import Area, Box, Part
from redraft.tasks.summary.pages.column import Column
from redraft.tasks.summary.pages.typeset import WIDE, Text

GROUND = 0.06
"""Of the way from paper to ink."""


def code_box(block: Code, column: Column) -> Box:
    voice, mark, letter = column.code_voice, column.code_mark, column.code_letter
    pad = round(0.45 * column.em)
    room = round(mark.longest) + 2
    inside = max(column.width - 2 * pad, room + round(2 * voice.size))
    wide = inside - room
    texts: list[tuple[Text, bool]] = []

    def fits(line: str) -> bool:
        return line.isascii() and len(line) * letter <= inside

    for short, lines in groupby(block.text.split("\n"), key=fits):
        # Short lines together are one text, which is faster than one each.
        for piece in ["\n".join(lines)] if short else lines:
            texts.append((column.setter.text((Span(piece),), voice, WIDE if short else wide), not short))
    pitch = max(text.pitch for text, _ in texts)
    if mark.pitch != pitch:
        mark = column.setter.text(mark.content, mark.voice, WIDE, pitch=pitch, role="sign")
    box = Box(0, [], column.gap, pad=pad)
    y = pad
    for text, may_break in texts:
        if text.pitch < pitch:
            text = column.setter.text(text.content, voice, text.width, pitch=pitch)
        box.parts.append(Part(text, pad, y))
        if may_break:
            for line in range(text.lines - 1):
                box.parts.append(Part(mark, pad + wide + 1, y + line * pitch))
        y += text.height
    count = (y - pad) // pitch
    box.height = y + pad
    box.hard_cuts = [pad + line * pitch for line in range(1, count)]
    box.cuts = box.hard_cuts[1:-1]
    box.areas = [Area(0, 0, column.width, box.height, column.tint(GROUND))]
    return box
