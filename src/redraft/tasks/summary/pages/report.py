"""What stands on a page, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redraft.tasks.summary.pages.code import GROUND
from redraft.tasks.summary.pages.draw import Pixels, draw
from redraft.tasks.summary.pages.layout import Layout, PlacedLine
from redraft.tasks.summary.pages.trace import Boxes, line_texts, stroke_boxes

ROUNDING = 1.0
"""Pixels by which a line may be wider than its room: the engine rounds."""


@dataclass(frozen=True)
class PageReport:
    """What is on a page.

    characters: of the document's text, with spaces. lines: of text. missing: code points that no installed font
    has. clipped: the numbers of lines that do not fit (see `Layout.lines`). letter_height: of a lower-case x of
    running text, in page pixels. ink: [lines, 4], the box of each line's ink in page pixels (left, top, right,
    bottom; the latter two just outside), zeros where a line has none.
    """

    characters: int
    lines: int
    missing: tuple[int, ...]
    clipped: tuple[int, ...]
    letter_height: float
    ink: Boxes


def report(layout: Layout, index: int, pixels: Pixels | None = None) -> PageReport:
    """The report of a page. pixels: the drawn page, where it is at hand."""
    pixels = draw(layout, index) if pixels is None else pixels
    lines = list(layout.lines(index))
    texts = page_texts(layout, index)
    paper, dark = layout.style.paper, layout.style.ink
    ground = sorted((paper, round(paper + GROUND * (dark - paper))))
    ink = [_ink(pixels, line, *ground) for line in lines]
    absent = set(layout.missing)
    return PageReport(
        sum(map(len, texts)),
        sum(line.text.role == "text" for line in lines),
        tuple(sorted(absent.intersection(ord(letter) for text in texts for letter in text))) if absent else (),
        tuple(number for number, line in enumerate(lines) if _clipped(line, ink[number], pixels)),
        layout.letter_height,
        np.array(ink, np.float64).reshape(-1, 4),
    )


def page_texts(layout: Layout, index: int) -> list[str]:
    """The document's text on a page: of each text (a paragraph, a cell, a marker) what stands there, in order.

    A header that is shown again is not among them.
    """
    shown: dict[int, list[PlacedLine]] = {}
    for line in layout.lines(index):
        if line.text.role != "sign" and not line.repeated:
            shown.setdefault(id(line.text), []).append(line)
    return [_text(lines) for lines in shown.values()]


def _text(lines: list[PlacedLine]) -> str:
    text = lines[0].text
    if len(lines) == text.lines:
        return text.string
    texts = line_texts(text)
    return "".join(texts[line.line] for line in lines)


def _clipped(line: PlacedLine, ink: tuple[int, int, int, int], pixels: Pixels) -> bool:
    """Whether a line is wider or higher than its room, or has ink at the page's edge, where no column reaches."""
    height, width = pixels.shape
    left, top, right, bottom = ink
    at_edge = right > 0 and (left <= 0 or top <= 0 or right >= width or bottom >= height)
    return line.text.cut or at_edge or line.left + line.text.longest > line.frame.right + ROUNDING


def glyph_boxes(layout: Layout, index: int) -> Boxes:
    """The ink of every glyph of a page, [n, 4]: left, top, right, bottom in page pixels.

    A glyph has a box for each of its closed outlines (i has two); together they hold all of its ink.
    """
    shown: dict[int, list[PlacedLine]] = {}
    for line in layout.lines(index):
        shown.setdefault(id(line.text), []).append(line)
    found = []
    for lines in shown.values():
        boxes = stroke_boxes(lines[0].text)
        middle = (boxes[:, 1] + boxes[:, 3]) / 2
        for line in lines:
            start = line.line * line.text.pitch
            first, last = line.line == 0, line.line == line.text.lines - 1
            here = ((middle >= start) | first) & ((middle < start + line.text.pitch) | last)
            found.append(boxes[here] + [line.left, line.top - start] * 2)
    return np.concatenate(found) if found else np.zeros((0, 4))


def _ink(pixels: Pixels, line: PlacedLine, low: int, high: int) -> tuple[int, int, int, int]:
    """The box of what is neither paper nor ground, whose grey values lie from low to high."""
    left = max(0, line.left - 2)
    band = pixels[max(0, line.top) : line.bottom, left : line.right + 2]
    inked = (band < low) | (band > high)
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return left + columns[0], line.top + rows[0], left + columns[-1] + 1, line.top + rows[-1] + 1
