"""How far the ink of a text reaches above and below its baseline: what a line must be high to hold it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

import numpy as np
import regex
import skia
from numpy.typing import NDArray

from redraft.tasks.summary.pages.fonts import fonts

STACKED = regex.compile(
    "[\u0300-\u036f\u0483-\u0489\u0590-\u109f\u1700-\u18af\u1900-\u1cff\u1dc0-\u1dff\u20d0-\u20ff\ua800-\uabff"
    "\ufb1d-\ufdff\ufe20-\ufe2f\ufe70-\ufefc\U00010800-\U00011fff\U00016a00-\U00016fff\U0001e000-\U0001efff]"
)
"""Marks, and the scripts whose letters change their height beside others: their texts are measured as a whole."""
MEASURED_AT = 100.0
"""Pixels of the em at which glyphs are measured."""
SHEET = 2048
"""Pixels of the width at which texts are measured as a whole."""
BAND = 512
"""Pixels of height drawn at a time meanwhile."""
ASCII = "".join(map(chr, range(33, 127)))


@lru_cache(maxsize=4096)
def ascii_extent(family: str, bold: bool) -> tuple[float, float]:
    """Of all printable ASCII, in ems: above and below the baseline."""
    return letters_extent(family, bold, ASCII)


def letters_extent(family: str, bold: bool, letters: Iterable[str]) -> tuple[float, float]:
    """The largest of those letters that the family has, in ems, both at least 0."""
    known = _known(family, bold)
    above = below = 0.0
    for letter in letters:
        found = known.get(letter)
        if found is None:
            found = known[letter] = _measure(family, bold, letter)
        above, below = max(above, found[0]), max(below, found[1])
    return above, below


@cache
def x_height(family: str) -> float:
    """The height of a lower-case letter without ascender, in ems: as the font states it, else as x is drawn."""
    font = skia.Font(fonts().typeface(family), MEASURED_AT)
    stated = float(font.getMetrics().fXHeight)
    if stated <= 0 and (glyph := font.unicharToGlyph(ord("x"))):
        stated = font.getBounds([glyph])[0].height()
    return (stated if stated > 0 else 0.5 * MEASURED_AT) / MEASURED_AT


@cache
def _known(family: str, bold: bool) -> dict[str, tuple[float, float]]:
    return {}


def _measure(family: str, bold: bool, letter: str) -> tuple[float, float]:
    font = skia.Font(fonts().typeface(family, bold), MEASURED_AT)
    bounds = font.getBounds([font.unicharToGlyph(ord(letter))])[0]
    return max(0.0, -bounds.top() / MEASURED_AT), max(0.0, bounds.bottom() / MEASURED_AT)


def drawn_extent(paragraph: skia.textlayout.Paragraph, pitch: int) -> tuple[int, int]:
    """The furthest that ink stands above and below the baseline of any line, in whole pixels, as it is drawn.

    paragraph: black, whose lines are all `pitch` high, which is more than their ink needs.
    """
    paragraph.layout(SHEET)
    # Ink may reach out of the first and the last line too.
    height = round(paragraph.Height) + 2 * pitch
    width = round(paragraph.LongestLine) + 2 * pitch
    inked: NDArray[np.bool_] = np.zeros(height, np.bool_)
    sheet = np.empty((min(BAND, height), width), np.uint8)
    info = skia.ImageInfo.Make(width, len(sheet), skia.kAlpha_8_ColorType, skia.kPremul_AlphaType)
    canvas = skia.Surface.MakeRasterDirect(info, sheet, width).getCanvas()
    for top in range(0, height, BAND):
        sheet[:] = 0
        paragraph.paint(canvas, pitch, pitch - top)
        inked[top : top + BAND] = np.any(sheet, axis=1)[: height - top]
    rows = inked.nonzero()[0]
    if not len(rows):
        return 0, 0
    # From each row to the nearest baseline: lines are so far apart that it is its own.
    baseline = round(pitch + paragraph.AlphabeticBaseline)
    lines = max(1, round(paragraph.Height / pitch))
    line = np.clip((rows - baseline + pitch // 2) // pitch, 0, lines - 1)
    beyond = rows - baseline - line * pitch
    return max(0, -int(beyond.min())), max(0, int(beyond.max()) + 1)
