"""What all blocks of a document share when they are set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from redraft.tasks.summary.documents.blocks import Span
from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.pages.typeset import CODE_SIZE, WIDE, Text, Typesetter, Voice

CODE_SPACING = 0.94
"""Of the line spacing of running text."""
CODE_MARK = "\u21a9"
"""At the end of a line of code that goes on below."""


@dataclass(frozen=True)
class Column:
    """Who sets the texts, in what style, and the column's width in pixels."""

    setter: Typesetter
    style: PageStyle
    width: int

    @cached_property
    def voice(self) -> Voice:
        style = self.style
        return Voice(style.font_size, style.ink, style.line_spacing, align=style.align)

    @property
    def em(self) -> float:
        return self.style.font_size

    @property
    def gap(self) -> int:
        """Between blocks, in pixels."""
        return round(self.style.paragraph_spacing * self.style.line_spacing * self.style.font_size)

    def tint(self, share: float) -> int:
        """A grey that far from paper to ink."""
        return round(self.style.paper + share * (self.style.ink - self.style.paper))

    @cached_property
    def code_voice(self) -> Voice:
        spacing = self.style.line_spacing * CODE_SPACING
        return Voice(CODE_SIZE * self.em, self.style.ink, spacing, mono=True, align="left")

    @cached_property
    def code_mark(self) -> Text:
        voice = replace(self.code_voice, grey=self.tint(0.6))
        return self.setter.text((Span(CODE_MARK),), voice, WIDE, role="sign")

    @cached_property
    def code_letter(self) -> float:
        """The advance of every letter of code in pixels."""
        return self.setter.text((Span("0"),), self.code_voice, WIDE).longest
