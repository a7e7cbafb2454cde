"""Which font families a document may be drawn in, and how small."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from redraft.core.errors import UsageError
from redraft.tasks.summary.budget.readability import LEAST_EM, LEAST_LETTERS, needs_em
from redraft.tasks.summary.pages.extents import x_height
from redraft.tasks.summary.pages.fonts import fonts
from redraft.tasks.summary.pages.style import PageStyle

GENERIC = ("sans", "serif", "mono")
COMMON = (
    "Arial",
    "Caladea",
    "Carlito",
    "Courier New",
    "FreeSans",
    "FreeSerif",
    "Georgia",
    "IBM Plex Sans",
    "IBM Plex Serif",
    "Inter",
    "Lato",
    "Liberation Mono",
    "Liberation Sans",
    "Liberation Serif",
    "Noto Sans",
    "Noto Serif",
    "Open Sans",
    "Roboto",
    "Source Sans 3",
    "Source Serif 4",
    "STIXGeneral",
    "Times New Roman",
    "Ubuntu",
    "Verdana",
)
"""Families made for running text. What else is installed may be a display face, a symbol font, or one script's."""
_ASCII = range(0x21, 0x7F)


def families_for(text: str, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """Those that draw the text as well as "sans" does: no letter is missing, and none is drawn in a further font.

    wanted: to choose from, an unknown one being a UsageError; empty for the generic ones and all of `COMMON` that
    are installed.
    """
    return _covering("".join(sorted(set(text))), tuple(wanted))


@lru_cache(maxsize=512)
def _covering(letters: str, wanted: tuple[str, ...]) -> tuple[str, ...]:
    plain = fonts().setting(letters)
    found = []
    for name in wanted or (*GENERIC, *installed()):
        setting = fonts().setting(letters, name)
        whole = name in GENERIC or all(fonts().family(name).has(point) for point in _ASCII)
        if whole and len(setting.families) <= len(plain.families) and set(setting.missing) <= set(plain.missing):
            found.append(name)
    return tuple(found)


@lru_cache(maxsize=1)
def installed() -> tuple[str, ...]:
    """The families of `COMMON` that this machine has."""
    found = []
    for name in COMMON:
        try:
            found.append(fonts().family(name).name)
        except UsageError:
            continue
    return tuple(found)


def readable(style: PageStyle, plain: PageStyle, text: str, shrink: float) -> PageStyle:
    """The style with letters of the text large enough to be read where the page is shown `shrink` times as large,
    or at least as large as in the plain style, where those are smaller."""
    if needs_em(text):
        least = min(LEAST_EM, plain.font_size)
    else:
        least = min(LEAST_LETTERS, plain.font_size * _x_height(plain)) / _x_height(style)
    return style.model_copy(update={"font_size": max(style.font_size, round(least / shrink + 0.005, 2))})


def _x_height(style: PageStyle) -> float:
    return x_height(fonts().primary(style.font)[0])
