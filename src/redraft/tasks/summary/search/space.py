"""The styles that are tried: a grid around a style, or the values that a person gives."""

from __future__ import annotations

import itertools
import random as randoms
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redraft.core.errors import UsageError
from redraft.core.sight import Sight
from redraft.tasks.summary.budget.sizes import sizes_for
from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.showing import with_fields

FONT_FACTORS = (0.75, 1.0, 1.25, 1.5)
"""Of the style's own font size."""
TIGHT_LINES, TIGHT_MARGIN = 1.15, 0.02
MOST_SIZES = 4
MOST_POINTS = 100_000
"""Of a grid."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A style to be tried. number: 0 is the style to compare with. changes: its fields that differ from that."""

    number: int
    style: PageStyle
    changes: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The changes in words, such as "640 x 640, font 9"."""
        return words(self.changes, self.style) or "as it is"


def default_grid(base: PageStyle, sight: Sight) -> dict[str, list[Any]]:
    """Font sizes, columns, line spacing and margins around a style, on the pages that the model is made for."""
    fonts = [round(base.font_size * factor, 1) for factor in FONT_FACTORS if base.font_size * factor >= 4]
    grid: dict[str, list[Any]] = {
        "font_size": fonts,
        "columns": sorted({base.columns, 1, 2}),
        "line_spacing": sorted({TIGHT_LINES, base.line_spacing}),
        "margin": sorted({TIGHT_MARGIN, base.margin}),
    }
    side = max(base.pixels)
    near = sorted(sizes_for(sight), key=lambda size: abs(size.width - side))[:MOST_SIZES]
    pages = [f"{size.width}x{size.height}" for size in sorted(near, key=lambda size: size.width)]
    own = "x".join(map(str, base.pixels))
    return {"page": pages if own in pages else [own, *pages], **grid}


def trials_of(base: PageStyle, grid: Mapping[str, Sequence[Any]], count: int, seed: int) -> list[Trial]:
    """The style itself and others of the grid, count in all, drawn by the seed; in the grid's order.

    grid: fields of `PageStyle` to values; "page" stands for width and height as "640x480". A wrong one is a
    UsageError, and so is a grid without any other style.
    """
    points = 1
    for values in grid.values():
        points *= len(values)
    if points > MOST_POINTS:
        raise UsageError(f"the grid of styles has {points:,} points", remedy="Give fewer values with --style")
    found: dict[PageStyle, None] = {}
    for values in itertools.product(*grid.values()):
        found.setdefault(_style(base, dict(zip(grid, values, strict=True))))
    found.pop(base, None)
    if not found:
        raise UsageError(
            "there is one style alone to try",
            remedy="Give several values of a field, such as --style font_size=8,10,12",
        )
    others = list(found)
    chosen = sorted(randoms.Random(seed).sample(range(len(others)), min(count - 1, len(others))))
    return [
        Trial(number, style, _changes(base, style))
        for number, style in enumerate([base, *(others[index] for index in chosen)])
    ]


def words(changes: Mapping[str, Any], style: PageStyle) -> str:
    names = {"font_size": "font", "line_spacing": "lines", "paragraph_spacing": "paragraphs"}
    pieces = []
    if {"size", "width", "height"} & set(changes):
        pieces.append(" x ".join(map(str, style.pixels)))
    for name, value in changes.items():
        if name == "columns":
            pieces.append("one column" if value == 1 else f"{value} columns")
        elif name not in ("size", "width", "height"):
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            pieces.append(f"{names.get(name, name.replace('_', ' '))} {shown}")
    return ", ".join(pieces)


def _style(base: PageStyle, fields: dict[str, Any]) -> PageStyle:
    page = fields.pop("page", None)
    if page is not None:
        width, _, height = str(page).partition("x")
        if not (width.isdigit() and height.isdigit()):
            raise UsageError(f"style.page: '{page}' is no size", remedy="Write WIDTHxHEIGHT, such as 640x640")
        if (int(width), int(height)) != base.pixels:
            fields |= {"width": int(width), "height": int(height)}
    return PageStyle.from_data(with_fields(base.model_dump(), fields))


def _changes(base: PageStyle, style: PageStyle) -> dict[str, Any]:
    own, other = base.model_dump(), style.model_dump()
    return {name: other[name] for name in own if own[name] != other[name]}
