"""The columns of a page, and its number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from redraft.core.errors import UsageError
from redraft.tasks.summary.documents.blocks import Span
from redraft.tasks.summary.pages.flow import Frame
from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.pages.typeset import Text, Typesetter, Voice

OVERHANG = 0.5
"""Ems left free beside the columns even without a margin."""
GUTTER = 1.8
"""Ems between columns."""
NUMBER_SIZE = 0.85
"""Of running text."""
FEWEST_EMS = 3
"""A column is at least so wide."""


@dataclass(frozen=True)
class Frames:
    """Where text may stand, in page pixels: the columns' left edges, their width, their top and bottom."""

    style: PageStyle
    lefts: tuple[int, ...]
    width: int
    top: int
    bottom: int

    @property
    def across(self) -> int:
        """Pixels from the first column's left to the last one's right."""
        return self.lefts[-1] + self.width - self.lefts[0]

    def sequence(self, first_top: int) -> Iterator[Frame]:
        """All columns of all pages. first_top: where those of the first page begin."""
        page, top = 0, first_top
        while True:
            for left in self.lefts:
                yield Frame(page, left, top, left + self.width, self.bottom)
            page, top = page + 1, self.top


def frames_of(style: PageStyle) -> Frames:
    """A style whose columns are too narrow for words is a UsageError."""
    width, height = style.pixels
    # Slanted letters and marks reach out of their line; and ink at the page's edge is always a fault.
    side = max(1 + ceil(OVERHANG * style.font_size), round(style.margin * width))
    top = max(1, round(style.margin * height))
    gutter = round(GUTTER * style.font_size)
    column = (width - 2 * side - (style.columns - 1) * gutter) // style.columns
    if column < FEWEST_EMS * style.font_size:
        raise no_room(style)
    bottom = height - top
    if style.page_numbers:
        bottom = min(bottom, height - round(2.2 * NUMBER_SIZE * style.font_size))
    lefts = tuple(side + place * (column + gutter) for place in range(style.columns))
    return Frames(style, lefts, column, top, bottom)


def number_text(setter: Typesetter, style: PageStyle, page: int) -> tuple[Text, int, int]:
    """The number of a page, from 0, and where it stands: in the middle of the space below the columns."""
    width, height = style.pixels
    voice = Voice(NUMBER_SIZE * style.font_size, style.ink, 1.2, align="left")
    text = setter.text((Span(str(page + 1)),), voice, width, role="sign")
    space = height - frames_of(style).bottom
    return text, round((width - text.longest) / 2), height - space + max(0, (space - text.height) // 2)


def no_room(style: PageStyle) -> UsageError:
    width, height = style.pixels
    columns = f"{style.columns} columns of " if style.columns > 1 else ""
    return UsageError(
        f"style: {columns}pages of {width} x {height} pixels have no room for text of {style.font_size:g} pixels",
        remedy="Make font_size, margin or columns smaller, or the page larger",
    )
