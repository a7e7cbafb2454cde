"""Digits as single strokes, so that a note looks the same on every machine, with or without fonts.

Each glyph is drawn in a box 4 wide and 6 high, y down, after the plain style of technical lettering (ISO 3098).
"""

from __future__ import annotations

import numpy as np

from redraft.tasks.cad.views.lines import Polyline

_GLYPHS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "0": (((1.3, 0), (2.7, 0), (3.6, 1), (4, 2.2), (4, 3.8), (3.6, 5), (2.7, 6), (1.3, 6), (0.4, 5), (0, 3.8),
           (0, 2.2), (0.4, 1), (1.3, 0)),),
    "1": (((0.8, 1.4), (2.4, 0), (2.4, 6)),),
    "2": (((0.1, 1.5), (0.6, 0.5), (1.5, 0), (2.6, 0), (3.5, 0.5), (3.9, 1.4), (3.7, 2.4), (0, 6), (4, 6)),),
    "3": (((0.2, 0), (3.8, 0), (1.8, 2.4), (2.8, 2.4), (3.7, 3.1), (4, 4.1), (3.7, 5.2), (2.8, 5.9), (1.5, 6),
           (0.5, 5.6), (0, 4.8)),),
    "4": (((3, 6), (3, 0), (0, 4.3), (4, 4.3)),),
    "5": (((3.7, 0), (0.6, 0), (0.3, 2.6), (1.4, 2.2), (2.6, 2.2), (3.6, 2.9), (4, 4), (3.6, 5.2), (2.6, 6),
           (1.3, 6), (0.4, 5.5), (0, 4.8)),),
    "6": (((3.3, 0.1), (2, 0.6), (0.8, 1.8), (0.1, 3.3), (0, 4.2), (0.4, 5.3), (1.4, 6), (2.6, 6), (3.6, 5.3),
           (4, 4.2), (3.6, 3.1), (2.6, 2.4), (1.4, 2.4), (0.4, 3.1), (0, 4.2)),),
    "7": (((0, 0), (4, 0), (1.4, 6)),),
    "8": (((1.4, 2.7), (0.5, 2.2), (0.2, 1.4), (0.5, 0.5), (1.4, 0), (2.6, 0), (3.5, 0.5), (3.8, 1.4), (3.5, 2.2),
           (2.6, 2.7), (1.4, 2.7), (0.4, 3.3), (0, 4.3), (0.4, 5.4), (1.4, 6), (2.6, 6), (3.6, 5.4), (4, 4.3),
           (3.6, 3.3), (2.6, 2.7)),),
    "9": (((4, 1.8), (3.6, 2.9), (2.6, 3.6), (1.4, 3.6), (0.4, 2.9), (0, 1.8), (0.4, 0.7), (1.4, 0), (2.6, 0),
           (3.6, 0.7), (4, 1.8), (3.9, 2.7), (3.2, 4.2), (2, 5.4), (0.7, 5.9)),),
    ".": (((1.8, 5.6), (2.2, 5.6), (2.2, 6), (1.8, 6), (1.8, 5.6)),),
    "x": (((0.5, 2.2), (3.5, 5.8)), ((3.5, 2.2), (0.5, 5.8))),
    "m": (((0, 6), (0, 2.4)), ((0, 3.2), (0.7, 2.4), (1.4, 2.4), (2, 3.1), (2, 6)),
          ((2, 3.1), (2.7, 2.4), (3.4, 2.4), (4, 3.1), (4, 6))),
    " ": (),
}  # fmt: skip
_ADVANCE = {".": 3.4, " ": 3.0}


def lettering(text: str, x: float, y: float, height: float) -> list[Polyline]:
    """Polylines of a text of digits, '.', 'x', 'm' and blanks; (x, y) is its upper left corner, in pixels."""
    unit = height / 6
    lines: list[Polyline] = []
    for letter in text:
        offset = -1.0 if letter == "." else 0.0
        for stroke in _GLYPHS[letter]:
            lines.append(np.array(stroke) * unit + (x + offset * unit, y))
        x += _ADVANCE.get(letter, 6.0) * unit
    return lines


def size_note(extent: tuple[float, ...]) -> str:
    """Width x depth x height in mm, to a hundredth."""
    return " x ".join(f"{side:.2f}".rstrip("0").rstrip(".") for side in extent) + " mm"
