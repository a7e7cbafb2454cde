"""Text set in lines: one skia Paragraph, whose lines are all equally high.

The engine gives neither the places of its lines nor a right-to-left paragraph. So every line gets the same height
(a forced strut), and a right-to-left text stands in a right-to-left isolate (UAX #9: U+2067 ... U+2069).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from typing import Literal

import regex
import skia

from redraft.tasks.summary.documents.blocks import Spans, plain
from redraft.tasks.summary.pages.extents import STACKED, ascii_extent, drawn_extent, letters_extent
from redraft.tasks.summary.pages.fonts import FontRun, Setting, fonts

text_layout = skia.textlayout
Align = Literal["start", "justify", "right", "left"]
RIGHT_TO_LEFT = regex.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
ISOLATE, POP = "\u2067", "\u2069"
CODE_SIZE = 0.92
"""Code beside the text around it: fixed-width letters look larger at the same size."""
BLEED = 0.75
"""Pixels that antialiasing and hinting may add to a glyph above and below."""
ROOMY = (6, 24)
"""Ems from line to line while a text is measured, and where marks are piled so high that they do not suffice."""
HIGHEST = 6
"""Ems above or below the baseline that a line gets at most; higher piles of marks are cut off, and reported."""
WIDE = 1e7
"""A width at which nothing is broken, in pixels."""


def is_right_to_left(text: str) -> bool:
    """Whether a paragraph runs from the right: by its first strong character (UAX #9, P2 and P3)."""
    if text.isascii() or not RIGHT_TO_LEFT.search(text):
        return False
    strong = (unicodedata.bidirectional(letter) for letter in text)
    return next((kind in ("R", "AL") for kind in strong if kind in ("L", "R", "AL")), False)


@dataclass(frozen=True, slots=True)
class Voice:
    """How a text is set. size: em in pixels. grey: of its ink. spacing: from baseline to baseline, in ems."""

    size: float
    grey: int
    spacing: float
    bold: bool = False
    mono: bool = False
    align: Align = "start"


@dataclass(slots=True)
class Text:
    """A text in lines. lines of `pitch` pixels each; longest: the widest line's advance in pixels.

    shift: pixels to add below the top when it is painted. marker: stands beside another text, no line of its own.
    """

    setter: Typesetter
    content: Spans
    voice: Voice
    width: float
    paragraph: skia.textlayout.Paragraph
    pitch: int
    lines: int
    longest: float
    shift: float
    baseline: float
    right_to_left: bool
    marker: bool = False

    @property
    def height(self) -> int:
        return self.lines * self.pitch

    @property
    def string(self) -> str:
        return plain(self.content)


class Typesetter:
    """Sets the texts of one document in one font."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def text(self, content: Spans, voice: Voice, width: float, *, pitch: int = 0, marker: bool = False) -> Text:
        """Breaks a text into lines of at most that many pixels. pitch: at least so many pixels a line.

        A word that is wider than a line is broken. An empty text is one empty line.
        """
        string = plain(content)
        above, below = self.extent(content, voice)
        pitch = max(pitch, round(voice.spacing * voice.size), above + below)
        rtl = is_right_to_left(string)
        paragraph = self.paragraph(content, voice, pitch, rtl)
        paragraph.layout(width)
        baseline = paragraph.AlphabeticBaseline
        wanted = min(max(round(baseline), above), pitch - below)
        return Text(
            self,
            content,
            voice,
            width,
            paragraph,
            pitch,
            round(paragraph.Height / pitch),
            paragraph.LongestLine,
            wanted - baseline,
            wanted,
            rtl,
            marker,
        )

    def paragraph(
        self,
        content: Spans,
        voice: Voice,
        pitch: int,
        right_to_left: bool = False,
        colour_of: Callable[[int], int] | None = None,
    ) -> skia.textlayout.Paragraph:
        """Not yet broken into lines. colour_of: of each grapheme cluster by its index, for `trace`."""
        primary = (self.setting.mono_families if voice.mono else self.setting.families)[:1]
        align = voice.align
        if right_to_left and align in ("start", "justify"):
            # The engine would put the last line of a justified text to the left.
            align = "right"
        build = text_layout.ParagraphBuilder.make(
            _paragraph_style(primary, voice.size, pitch, align), fonts().collection, fonts().unicode
        )
        if right_to_left:
            build.addText(ISOLATE)
        number = 0
        for run, bold, italic, size in self.runs(content, voice):
            for part in regex.findall(r"\X", run.text) if colour_of else (run.text,):
                if colour_of:
                    style = coloured_style(run.families, size, bold, italic, colour_of(number))
                else:
                    style = text_style(run.families, size, bold, italic, voice.grey)
                build.pushStyle(style)
                build.addText(part)
                build.pop()
                number += 1
        if right_to_left:
            build.addText(POP)
        return build.Build()

    def runs(self, content: Spans, voice: Voice) -> list[tuple[FontRun, bool, bool, float]]:
        """Stretches of one font: with whether they are bold and italic, and their size."""
        return [
            (run, voice.bold or span.bold, span.italic, voice.size * (CODE_SIZE if span.code else 1.0))
            for span in content
            for run in self.setting.runs(span.text, voice.mono or span.code)
        ]

    def extent(self, content: Spans, voice: Voice) -> tuple[int, int]:
        """Whole pixels that its ink needs above and below the baseline."""
        above = below = 0.0
        measure = False
        for run, bold, _, size in self.runs(content, voice):
            family = run.families[0]
            if run.text.isascii():
                reach = ascii_extent(family, bold)
            elif STACKED.search(run.text):
                measure = True
                continue
            else:
                reach = letters_extent(family, bold, set(run.text))
            above, below = max(above, reach[0] * size), max(below, reach[1] * size)
        above, below = ceil(above + BLEED), ceil(below + BLEED)
        if measure:
            drawn = self._drawn_extent(content, replace(voice, grey=0))
            above, below = max(above, drawn[0]), max(below, drawn[1])
        return above, below

    def _drawn_extent(self, content: Spans, voice: Voice) -> tuple[int, int]:
        for ems in ROOMY:
            pitch = round(ems * voice.size)
            above, below = drawn_extent(self.paragraph(content, voice, pitch), pitch)
            if above + below < pitch / 2:
                break
        most = round(HIGHEST * voice.size)
        return min(above, most), min(below, most)


def clusters(text: Text) -> list[str]:
    """Its grapheme clusters (UAX #29) in logical order; none spans two fonts or styles."""
    runs = text.setter.runs(text.content, text.voice)
    return [cluster for run, *_ in runs for cluster in regex.findall(r"\X", run.text)]


@lru_cache(maxsize=4096)
def text_style(
    families: tuple[str, ...], size: float, bold: bool, italic: bool, grey: int
) -> skia.textlayout.TextStyle:
    return coloured_style(families, size, bold, italic, skia.Color(grey, grey, grey))


def coloured_style(
    families: tuple[str, ...], size: float, bold: bool, italic: bool, colour: int
) -> skia.textlayout.TextStyle:
    style = text_layout.TextStyle()
    style.setFontFamilies(list(families))
    style.setFontSize(size)
    style.setColor(colour)
    if bold or italic:
        slant = skia.FontStyle.kItalic_Slant if italic else skia.FontStyle.kUpright_Slant
        weight = skia.FontStyle.kBold_Weight if bold else skia.FontStyle.kNormal_Weight
        style.setFontStyle(skia.FontStyle(weight, skia.FontStyle.kNormal_Width, slant))
    return style


@lru_cache(maxsize=4096)
def _paragraph_style(
    families: tuple[str, ...], size: float, pitch: int, align: Align
) -> skia.textlayout.ParagraphStyle:
    strut = text_layout.StrutStyle()
    strut.setStrutEnabled(True)
    strut.setForceStrutHeight(True)
    strut.setFontFamilies(list(families))
    strut.setFontSize(size)
    strut.setHeight(pitch / size)
    strut.setHeightOverride(True)
    strut.setHalfLeading(True)
    style = text_layout.ParagraphStyle()
    style.setStrutStyle(strut)
    style.setTextStyle(text_style(families, size, False, False, 0))
    style.setTextAlign(_ALIGN[align])
    return style


_ALIGN = {
    "start": text_layout.TextAlign.kLeft,
    "left": text_layout.TextAlign.kLeft,
    "right": text_layout.TextAlign.kRight,
    "justify": text_layout.TextAlign.kJustify,
}
