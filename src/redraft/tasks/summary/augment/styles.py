"""Styles around a style: what a page may look like and still say the same.

    sample_style(style, random.Random("12/3/doc-7"), 0.5)

The page keeps its size, so a page costs a model the same tokens in every style.
"""

from __future__ import annotations

import random as randoms
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from redraft.tasks.summary.pages.style import PageStyle

Choice = TypeVar("Choice")

READABLE = 11.0
"""Pixels of the em below which no style goes on its own: an x-height of some 5 to 6 pixels. A style that is
smaller already stays as small as it is."""
GENERIC = ("sans", "serif", "mono")
COLUMN_EMS = 26.0
"""A column is at least so wide, in ems: some 50 characters."""
CONTRAST = 140
"""Grey values that are left between ink and paper, or what the style has where it has less."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far each field goes at strength 1. Of sizes and spacings: the factors of the least and the most."""

    font_size: tuple[float, float] = (0.72, 1.25)
    line_spacing: tuple[float, float] = (0.9, 1.3)
    paragraph_spacing: tuple[float, float] = (0.3, 2.2)
    margin: tuple[float, float] = (0.4, 1.9)
    ink: float = 0.3
    """Part of the way from ink to paper."""
    paper: float = 0.15
    """Part of the way from paper to ink."""


REACH = Reach()
TIGHTEST = 1.15
"""The line spacing below which no style goes on its own: marks above and below letters need it."""
WIDEST_MARGIN = 0.12


def sample_style(
    style: PageStyle, random: randoms.Random, strength: float, families: Sequence[str] = GENERIC
) -> PageStyle:
    """A style near another one, of the same page size.

    strength: 0 gives the style itself, 1 goes as far as `REACH`. families: what the font is drawn from; the
    caller sees to it that they cover the text. Every field takes the same number of draws whatever the strength
    is, so the same random state gives styles in the same direction.
    """
    if strength <= 0:
        return style
    font = _maybe(random, strength, style.font, families)
    size = style.font_size * _factor(random, REACH.font_size, strength)
    line = style.line_spacing * _factor(random, REACH.line_spacing, strength)
    paragraph = style.paragraph_spacing * _factor(random, REACH.paragraph_spacing, strength)
    margin = style.margin * _factor(random, REACH.margin, strength)
    align = _maybe(random, strength, style.align, ("start", "justify"))
    numbers = _maybe(random, strength, style.page_numbers, (True, False))
    columns = _maybe(random, strength, style.columns, (1, 1, 1, 2, 2, 3))
    ink, paper = _shades(style, random, strength)
    size = round(min(max(size, min(READABLE, style.font_size)), 200.0), 2)
    margin = round(min(margin, max(style.margin, WIDEST_MARGIN)), 4)
    return PageStyle.from_data(
        {
            **style.model_dump(),
            "font": font,
            "font_size": size,
            "line_spacing": round(min(max(line, min(TIGHTEST, style.line_spacing)), 4.0), 3),
            "paragraph_spacing": round(min(paragraph, 4.0), 3),
            "margin": margin,
            "columns": min(columns, max(style.columns, most_columns(style.pixels[0], margin, size))),
            "align": align,
            "ink": ink,
            "paper": paper,
            "page_numbers": numbers,
        }
    )


def closer(style: PageStyle, plain: PageStyle) -> tuple[PageStyle, ...]:
    """Styles between a sampled one and the plain one that need less room, the farthest from plain first: no length
    above the plain one's; then the plain font and columns too."""
    lengths = ("font_size", "line_spacing", "paragraph_spacing", "margin")
    tight = {name: min(getattr(style, name), getattr(plain, name)) for name in lengths}
    tight["page_numbers"] = style.page_numbers and plain.page_numbers
    own = {name: getattr(plain, name) for name in ("font", "columns", "align")}
    return style.model_copy(update=tight), style.model_copy(update={**tight, **own})


def most_columns(width: int, margin: float, font_size: float) -> int:
    """Columns that a page of that many pixels holds before their lines become too short to read, 1 to 4."""
    inside = width * (1 - 2 * margin)
    return int(max(1, min(4, inside // (COLUMN_EMS * font_size))))


def _factor(random: randoms.Random, reach: tuple[float, float], strength: float) -> float:
    """Between the two factors at strength 1, nearer to 1 below it; less and more are equally likely."""
    way = random.uniform(-1.0, 1.0)
    return 1.0 + strength * (abs(way) * (reach[0] - 1.0) if way < 0 else way * (reach[1] - 1.0))


def _maybe(random: randoms.Random, strength: float, plain: Choice, others: Sequence[Choice]) -> Choice:
    """One of the others, as likely as the strength says; else the plain one. Two draws."""
    chance, place = random.random(), random.random()
    return others[int(place * len(others))] if others and chance < strength else plain


def _shades(style: PageStyle, random: randoms.Random, strength: float) -> tuple[int, int]:
    """Ink and paper nearer to each other; whichever was darker stays so."""
    whole = style.paper - style.ink
    ink = strength * REACH.ink * random.random()
    paper = strength * REACH.paper * random.random() ** 2
    most = max(0.0, 1.0 - CONTRAST / abs(whole))
    scale = min(1.0, most / (ink + paper)) if ink + paper > 0 else 1.0
    # Rounded away from each other, so that what is left between them is never less than wanted.
    return style.ink + int(whole * ink * scale), style.paper - int(whole * paper * scale)
