"""What all blocks of a document share when they are set."""

from __future__ import annotations

from dataclasses import dataclass

from redraft.tasks.summary.pages.style import PageStyle
from redraft.tasks.summary.pages.typeset import Typesetter, Voice


@dataclass(frozen=True)
class Column:
    """Who sets the texts, in what style, and the column's width in pixels."""

    setter: Typesetter
    style: PageStyle
    width: int

    @property
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
