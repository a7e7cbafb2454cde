"""A block set in a column: texts and grey areas on a strip that may be cut between its lines."""

from __future__ import annotations

from dataclasses import dataclass, field

from redraft.tasks.summary.pages.typeset import Text


@dataclass(frozen=True, slots=True)
class Part:
    """A text and its place, in pixels from the strip's top left corner."""

    text: Text
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of one grey value; behind the texts. top, bottom: from the strip's top."""

    left: int
    top: int
    right: int
    bottom: int
    grey: int


@dataclass(slots=True)
class Box:
    """A strip as wide as its column.

    cuts: heights at which it may go on in the next column, rising; hard_cuts: for when no other fits (between any
    two lines). gap: pixels from the box before. keep: stays with the box after it. repeat: so much of its top
    (a table's header) is shown again wherever it goes on. bridges: areas that fill the gap above it.
    pad: pixels by which its areas reach beyond its texts, where it is cut as well.
    """

    height: int
    parts: list[Part]
    gap: int = 0
    areas: list[Area] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    hard_cuts: list[int] = field(default_factory=list)
    keep: bool = False
    repeat: int = 0
    pad: int = 0
    bridges: list[Area] = field(default_factory=list)


def line_cuts(text: Text, y: int = 0) -> tuple[list[int], list[int]]:
    """Where a text may be cut: never leaving one line of it alone; and between any two lines."""
    hard = [y + line * text.pitch for line in range(1, text.lines)]
    return hard[1:-1], hard
