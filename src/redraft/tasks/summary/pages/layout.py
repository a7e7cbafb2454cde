"""A document laid out: which line stands where on which page. Nothing is drawn yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import ceil

from redraft.tasks.summary.documents.blocks import Document
from redraft.tasks.summary.pages.blocks import boxes, text_box, title_text
from redraft.tasks.summary.pages.column import Column
from redraft.tasks.summary.pages.extents import x_height
from redraft.tasks.summary.pages.flow import Frame, Slice, TooLow, fill
from redraft.tasks.summary.pages.fonts import Setting, fonts
from redraft.tasks.summary.pages.frames import frames_of, no_room, number_text
from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.pages.typeset import WIDE, Text, Typesetter

TITLE_SHARE = 0.4
"""Of the page's height: a title that is higher stands in the first column, not above all."""


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line of a text on a page. left, right: the room it has; top, bottom: its own height; in page pixels.

    line: its number within the text. repeated: a table's header shown again. frame: the column it stands in.
    """

    text: Text
    line: int
    left: int
    top: int
    right: int
    bottom: int
    frame: Frame
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Furniture:
    """A text outside the columns: the title above them, a page number."""

    text: Text
    x: int
    y: int

    def lines(self, page: int) -> Iterator[PlacedLine]:
        frame = Frame(page, self.x, self.y, round(self.x + self.text.width), self.y + self.text.height)
        return _lines(self.text, self.x, self.y, 0, self.text.height, frame, False)


@dataclass(frozen=True, slots=True)
class Page:
    slices: tuple[Slice, ...]
    furniture: tuple[Furniture, ...] = ()


@dataclass(frozen=True)
class Layout:
    """pages: at least one. complete: False where only the first pages were asked for and there are more."""

    document: Document
    style: PageStyle
    setting: Setting
    pages: tuple[Page, ...]
    complete: bool

    @property
    def letter_height(self) -> float:
        """The x-height of running text in page pixels."""
        return x_height(self.setting.families[0]) * self.style.font_size

    @property
    def missing(self) -> tuple[int, ...]:
        """The document's code points that no installed font has."""
        return self.setting.missing

    def lines(self, index: int) -> Iterator[PlacedLine]:
        """The lines of a page in reading order, column by column; its number is the last."""
        page = self.pages[index]
        yield from (line for item in page.furniture if item.text.role != "sign" for line in item.lines(index))
        for piece in page.slices:
            for part in piece.box.parts:
                x, y = piece.frame.left + part.x, piece.y + part.y - piece.top
                top, bottom = piece.top - part.y, piece.bottom - part.y
                yield from _lines(part.text, x, y, top, bottom, piece.frame, piece.repeated)
        yield from (line for item in page.furniture if item.text.role == "sign" for line in item.lines(index))


def lay_out(document: Document, style: PageStyle, *, most_pages: int | None = None) -> Layout:
    """Lays a document out on pages of a style.

    most_pages: stops there; the layout then says that it is not complete. Text is never squeezed, clipped or left
    out: what does not fit goes on in the next column or page. A style that has no room for a line is a UsageError.
    """
    frames = frames_of(style)
    setting = fonts().setting(document.text, style.font, document.language)
    setter = Typesetter(setting)
    column = Column(setter, style, frames.width)
    flow = boxes(document.blocks, column)
    above: tuple[Furniture, ...] = ()
    first_top = frames.top
    if document.title:
        title = title_text(document.title, column, frames.across)
        if len(frames.lefts) > 1 and title.height <= TITLE_SHARE * (frames.bottom - frames.top):
            above = (Furniture(title, frames.lefts[0], frames.top),)
            first_top += title.height + column.gap + round(0.5 * column.em)
        else:
            title = title_text(document.title, column, frames.width)
            flow = chain([text_box(title, 0, keep=True)], flow)
    pages: list[list[Slice]] = [[]]
    complete = True
    try:
        for piece in fill(flow, frames.sequence(first_top)):
            if most_pages is not None and piece.frame.page >= most_pages:
                complete = False
                break
            while len(pages) <= piece.frame.page:
                pages.append([])
            pages[piece.frame.page].append(piece)
    except TooLow:
        raise no_room(style) from None
    return Layout(
        document,
        style,
        setting,
        tuple(
            Page(tuple(pieces), (() if page else above) + _number(setter, style, page))
            for page, pieces in enumerate(pages)
        ),
        complete,
    )


def _number(setter: Typesetter, style: PageStyle, page: int) -> tuple[Furniture, ...]:
    if not style.page_numbers:
        return ()
    return (Furniture(*number_text(setter, style, page)),)


def _lines(
    text: Text, x: int, y: int, top: int, bottom: int, frame: Frame, repeated: bool
) -> Iterator[PlacedLine]:
    """The lines between top and bottom of a text that stands at x and y."""
    for line in range(text.lines):
        start = line * text.pitch
        if start >= top and start + text.pitch <= bottom:
            yield PlacedLine(
                text,
                line,
                x,
                y + start,
                x + ceil(text.width if text.width < WIDE else text.longest),
                y + start + text.pitch,
                frame,
                repeated,
            )
