"""What stands on a page, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redraft.tasks.summary.pages.draw import Pixels, draw
from redraft.tasks.summary.pages.layout import Layout, PlacedLine
from redraft.tasks.summary.pages.trace import Boxes, cluster_boxes, line_texts


@dataclass(frozen=True)
class PageReport:
    """characters: of the document's text on the page, with spaces. lines: of text. missing: code points that no
    installed font has. clipped: the numbers of lines whose ink leaves its column or the page. letter_height: of a
    lower-case x of running text, in page pixels. ink: [lines, 4], the box of each line's ink (left, top, right,
    bottom in page pixels; right and bottom are just outside), zeros where a line has none.
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
    missing = set(layout.missing)
    ink = np.array([_ink(pixels, line, layout.style.paper) for line in lines], np.float64).reshape(-1, 4)
    return PageReport(
        sum(map(len, texts)),
        sum(not line.marker for line in lines),
        tuple(sorted(missing.intersection(ord(letter) for text in texts for letter in text))) if missing else (),
        tuple(number for number, line in enumerate(lines) if line.text.longest > line.text.width + 1),
        layout.letter_height,
        ink,
    )


def page_texts(layout: Layout, index: int) -> list[str]:
    """The texts of a page's lines, in order; a header that is shown again is not among them."""
    known: dict[int, list[str]] = {}
    found = []
    for line in layout.lines(index):
        if not line.repeated:
            texts = known.setdefault(id(line.text), []) or line_texts(line.text)
            known[id(line.text)] = texts
            found.append(texts[line.line])
    return found


def glyph_boxes(layout: Layout, index: int) -> Boxes:
    """The ink of every grapheme cluster of a page, [n, 4]: left, top, right, bottom in page pixels."""
    wanted: dict[int, list[PlacedLine]] = {}
    for line in layout.lines(index):
        wanted.setdefault(id(line.text), []).append(line)
    found = []
    for lines in wanted.values():
        _, boxes = cluster_boxes(lines[0].text)
        middle = (boxes[:, 1] + boxes[:, 3]) / 2
        for line in lines:
            start = line.line * line.text.pitch
            here = boxes[(middle >= start) & (middle < start + line.text.pitch)]
            found.append(here + [line.left, line.top - start] * 2)
    return np.concatenate(found) if found else np.zeros((0, 4))


def _ink(pixels: Pixels, line: PlacedLine, paper: int) -> tuple[int, int, int, int]:
    left = max(0, line.left - 2)
    band = pixels[max(0, line.top) : line.bottom, left : line.right + 2] != paper
    rows, columns = band.any(1).nonzero()[0], band.any(0).nonzero()[0]
    if not len(rows):
        return 0, 0, 0, 0
    return left + columns[0], line.top + rows[0], left + columns[-1] + 1, line.top + rows[-1] + 1
