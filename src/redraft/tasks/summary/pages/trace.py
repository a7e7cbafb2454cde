"""Where the ink of a set text lies: the outlines of its glyphs, as the layout engine places them.

The engine shows neither its lines nor its glyphs. It paints on any canvas, though: on one that writes SVG every
glyph leaves its outline, and a colour of its own says which letters it stands for.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import regex
import skia
from numpy.typing import NDArray

from redraft.tasks.summary.pages.typeset import Text, clusters

Boxes = NDArray[np.float64]
"""[n, 4]: left, top, right, bottom, in pixels."""
_PATH = regex.compile(r'<path fill="#([0-9A-F]{6})" d="([^"]+)"')
_COMMANDS = str.maketrans(dict.fromkeys("LQCZHV", " "))
_FLAGS = int(skia.SVGCanvas.kConvertTextToPaths_Flag) | int(skia.SVGCanvas.kNoPrettyXML_Flag)
_REDS = (*range(0x12, 0x19), *range(0x1A, 0x1E), *range(0x5B, 0x5F))
"""SVG abbreviates some colours and has names for others, but for none with so much red."""
_EACH = 0x10000
_OFFSET = 4096
SPREAD = 12
"""Ems from line to line where lines are told apart by their height."""


def cluster_boxes(text: Text, pitch: int = 0) -> tuple[NDArray[np.int64], Boxes]:
    """The ink of every cluster that leaves any: its index in `clusters`, and its box from the text's top left.

    A cluster of several fonts, or one that the engine breaks at a line's end, has several boxes. Boxes hold the outlines' control points, so they may be a little larger than the ink. pitch: another height of
    lines than the text's own.
    """
    paragraph = text.setter.paragraph(
        text.setter.runs(text.content, text.voice), text.voice, pitch or text.pitch, text.right_to_left, colour_of
    )
    paragraph.layout(text.width)
    numbers, boxes = _outlines(paragraph)
    boxes[:, (1, 3)] += 0 if pitch else text.shift
    return numbers, boxes


def line_texts(text: Text) -> list[str]:
    """What stands on each line, in logical order. Joined, they are the whole text."""
    string = text.string
    if string.count("\n") + 1 == text.lines:
        return string.splitlines(keepends=True) + [""] * (string.endswith("\n") or not string)
    pitch = round(SPREAD * text.voice.size)
    parts = clusters(text)
    numbers, boxes = cluster_boxes(text, pitch)
    found = np.zeros(len(parts), np.int64)
    # Of several boxes of a cluster the first counts.
    found[numbers[::-1]] = (boxes[::-1, 1] + boxes[::-1, 3]) / 2 // pitch
    # What leaves no ink ends the line that it follows.
    line = np.clip(np.maximum.accumulate(found), 0, text.lines - 1)
    edges = np.searchsorted(line, np.arange(text.lines + 1))
    return ["".join(parts[a:b]) for a, b in pairwise(edges)]


def colour_of(number: int) -> int:
    """The colour of the cluster of that index. A text of more than a million repeats them."""
    red: int = _REDS[number // _EACH % len(_REDS)]
    return 0xFF000000 | red << 16 | number % _EACH


def _outlines(paragraph: skia.textlayout.Paragraph) -> tuple[NDArray[np.int64], Boxes]:
    stream = skia.DynamicMemoryWStream()
    canvas = skia.SVGCanvas.Make(skia.Rect.MakeLTRB(0, 0, 1e7, 1e7), stream, _FLAGS)
    # Ink left of or above the text's corner counts too.
    paragraph.paint(canvas, _OFFSET, _OFFSET)
    del canvas
    stream.flush()
    places, boxes = [], []
    for colour, data in _PATH.findall(bytes(stream.detachAsData()).decode()):
        number = int(colour, 16)
        values = np.array(data.replace("M", " ").translate(_COMMANDS).split(), np.float64).reshape(-1, 2)
        places.append(_REDS.index(number >> 16) * _EACH + number % _EACH)
        boxes.append([*values.min(0), *values.max(0)])
    return np.array(places, np.int64), np.array(boxes, np.float64).reshape(-1, 4) - _OFFSET
