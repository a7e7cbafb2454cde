"""Text set in lines: one skia Paragraph, whose lines are all equally high.

The engine gives neither the places of its lines nor a right-to-left paragraph. So every line gets the same height
(a forced strut), and a right-to-left text stands in a right-to-left isolate (UAX #9: U+2067 ... U+2069).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil, floor
from operator import itemgetter
from typing import Literal, NamedTuple

import regex
import skia

from redraft.tasks.summary.documents.blocks import Spans, plain
from redraft.tasks.summary.pages.extents import STACKED, ascii_extent, drawn_extent, letters_extent
from redraft.tasks.summary.pages.font_setting import FontRun, Setting
from redraft.tasks.summary.pages.fonts import fonts
from redraft.tasks.summary.pages.text_styles import (
    Align,
    coloured_style,
    paragraph_style,
    text_layout,
    text_style,
)

Role = Literal["text", "marker", "sign"]
"""A list's marker is text of the document beside another line; a sign (a page's number) is not of the document."""
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


class Run(NamedTuple):
    """A stretch of text of one font, style and size (its em in pixels)."""

    font: FontRun
    bold: bool
    italic: bool
    size: float


@dataclass(slots=True)
class Text:
    """A text in lines. lines of `pitch` pixels each; longest: the widest line's advance in pixels.

    shift: pixels to add below the top when it is painted. baseline: of the first line, from the top.
    cut: whether its marks are piled higher than a line may be.
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
    cut: bool = False
    role: Role = "text"
    line_texts: list[str] | None = None
    """What stands on each line, once `trace.line_texts` has found it."""

    @property
    def height(self) -> int:
        return self.lines * self.pitch

    @property
    def string(self) -> str:
        return plain(self.content)

    def fit(self, width: float) -> Text:
        """The same text, broken into lines of another width."""
        self.paragraph.layout(width)
        self.line_texts = None
        self.width, self.longest = width, self.paragraph.LongestLine
        self.lines = round(self.paragraph.Height / self.pitch)
        return self


class Typesetter:
    """Sets the texts of one document in one font."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.collection, self.unicode = fonts().collection, fonts().unicode

    def text(
        self,
        content: Spans,
        voice: Voice,
        width: float,
        *,
        pitch: int = 0,
        role: Role = "text",
        rtl: bool | None = None,
    ) -> Text:
        """Breaks a text into lines of at most that many pixels. pitch: at least so many pixels a line. rtl:
        whether it runs from the right; by default its first letter that has a direction says it.

        A word that is wider than a line is broken. An empty text is one empty line.
        """
        string = plain(content)
        rtl = is_right_to_left(string) if rtl is None else rtl
        if rtl and string[-1:].isspace():
            # Behind a space the isolate's end would stand on a line of its own.
            content = (*content[:-1], replace(content[-1], text=content[-1].text.rstrip()))
        runs = self.runs(content, voice)
        above, below = self._extent(runs, voice)
        most = round(HIGHEST * voice.size)
        cut = above > most or below > most
        above, below = min(above, most), min(below, most)
        pitch = max(pitch, round(voice.spacing * voice.size), above + below)
        paragraph = self.paragraph(runs, voice, pitch, rtl)
        paragraph.layout(width)
        # The engine puts baselines on whole pixels itself; a fraction more would move marks from their letters.
        baseline = floor(paragraph.AlphabeticBaseline + 0.5)
        wanted = min(max(baseline, above), pitch - below)
        lines, longest = round(paragraph.Height / pitch), paragraph.LongestLine
        return Text(self, content, voice, width, paragraph, pitch, lines, longest, wanted - baseline, wanted, rtl,
                    cut, role)  # fmt: skip

    def paragraph(
        self,
        runs: Iterable[Run],
        voice: Voice,
        pitch: int,
        right_to_left: bool = False,
        colours: Sequence[int] = (),
    ) -> skia.textlayout.Paragraph:
        """Not yet broken into lines. colours: of each of its `clusters`, for `trace`."""
        primary = (self.setting.mono_families if voice.mono else self.setting.families)[:1]
        align = voice.align
        if right_to_left and align in ("start", "justify"):
            # The engine would put the last line of a justified text to the left.
            align = "right"
        build = text_layout.ParagraphBuilder.make(
            paragraph_style(primary, voice.size, pitch, align), self.collection, self.unicode
        )
        if right_to_left:
            build.addText(ISOLATE)
        if len(colours):
            _add_coloured(build, runs, colours)
        else:
            for run in runs:
                font = run.font
                build.pushStyle(text_style(font.families, font.locale, run.size, run.bold, run.italic, voice.grey))
                build.addText(font.text)
                build.pop()
        if right_to_left:
            build.addText(POP)
        return build.Build()

    def runs(self, content: Spans, voice: Voice) -> list[Run]:
        """The text cut where its font, style or size changes."""
        return [
            Run(font, voice.bold or span.bold, span.italic, voice.size * CODE_SIZE if span.code else voice.size)
            for span in content
            for font in self.setting.runs(span.text, voice.mono or span.code)
        ]

    def _extent(self, runs: list[Run], voice: Voice) -> tuple[int, int]:
        """Whole pixels that its ink needs above and below the baseline."""
        primary = (self.setting.mono_families if voice.mono else self.setting.families)[0]
        # All letters of the primary font fit, whatever a text holds of them: paragraphs keep one height of line.
        above, below = (ems * voice.size for ems in ascii_extent(primary, voice.bold))
        measure = False
        for run in runs:
            text, family = run.font.text, run.font.families[0]
            if text.isascii():
                if family == primary and run.bold == voice.bold:
                    continue
                reach = ascii_extent(family, run.bold)
            elif STACKED.search(text):
                measure = True
                continue
            else:
                reach = letters_extent(family, run.bold, set(text))
            above, below = max(above, reach[0] * run.size), max(below, reach[1] * run.size)
        high, low = ceil(above + BLEED), ceil(below + BLEED)
        if measure:
            drawn = self._drawn_extent(runs, replace(voice, grey=0))
            high, low = max(high, drawn[0]), max(low, drawn[1])
        return high, low

    def _drawn_extent(self, runs: list[Run], voice: Voice) -> tuple[int, int]:
        for ems in ROOMY:
            pitch = round(ems * voice.size)
            above, below = drawn_extent(self.paragraph(runs, voice, pitch), pitch)
            if above + below < pitch / 2:
                break
        return above, below


def clusters(text: Text) -> list[str]:
    """Its grapheme clusters (UAX #29) in logical order; none spans two fonts or styles."""
    runs = text.setter.runs(text.content, text.voice)
    return [cluster for run in runs for cluster in regex.findall(r"\X", run.font.text)]


def _add_coloured(build: skia.textlayout.ParagraphBuilder, runs: Iterable[Run], colours: Sequence[int]) -> None:
    """Neighbours of one font and colour are added together."""
    number = 0
    for run in runs:
        font, parts = run.font, regex.findall(r"\X", run.font.text)
        own = list(colours[number : number + len(parts)])
        number += len(parts)
        for colour, group in groupby(zip(own, parts, strict=True), key=itemgetter(0)):
            build.pushStyle(coloured_style(font.families, font.locale, run.size, run.bold, run.italic, colour))
            build.addText("".join(part for _, part in group))
            build.pop()
