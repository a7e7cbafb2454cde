"""Where the ink of a set text lies: the outlines of its glyphs, as the layout engine places them.

The engine shows neither its lines nor its glyphs. It paints on any canvas, though: on one that writes SVG every
glyph leaves its outline, and a colour of its own says which letters it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import regex
import skia
from numpy.typing import NDArray

from redraft.tasks.summary.documents.blocks import Spans, plain
from redraft.tasks.summary.pages.typeset import Text, clusters

Boxes = NDArray[np.float64]
"""[n, 4]: left, top, right, bottom, in pixels."""
_PATH = regex.compile(r'<path fill="#([0-9A-F]{6})" d="([^"]+)"')
_COMMANDS = str.maketrans(dict.fromkeys("MLQCZHV", " "))
_FLAGS = int(skia.SVGCanvas.kConvertTextToPaths_Flag) | int(skia.SVGCanvas.kNoPrettyXML_Flag)
_REDS = (*range(0x12, 0x19), *range(0x1A, 0x1E), *range(0x5B, 0x5F))
"""SVG abbreviates some colours and has names for others, but for none with so much red."""
_EACH = 0x10000
WINDOW = 1500
"""Characters of a long text whose lines are asked for together: time grows with the square of them."""
OFFSET = 4096
GROUP = 8
"""Grapheme clusters whose line is asked for together."""
SPREAD = 12
"""Ems from line to line where lines are told apart by their height."""


def stroke_boxes(text: Text) -> Boxes:
    """The box of every closed outline of every glyph, from the text's top left: an i has two, an o one in another.

    Boxes hold the outlines' control points, so they may be a little larger than the ink.
    """
    runs = text.setter.runs(text.content, text.voice)
    count = sum(len(regex.findall(r"\X", run.font.text)) for run in runs)
    boxes = [
        _box(stroke)
        for _, path in _paths(text, text.pitch, [colour_of(0)] * count)
        for stroke in path.split("M")[1:]
    ]
    found = np.array(boxes, np.float64).reshape(-1, 4)
    found[:, (1, 3)] += text.shift
    return found


def line_texts(text: Text) -> list[str]:
    """What stands on each line, in logical order. Joined, they are the whole text."""
    if text.line_texts is None:
        text.line_texts = _line_texts(text)
    return text.line_texts


def _line_texts(text: Text) -> list[str]:
    string = text.string
    if string.count("\n") + 1 == text.lines:
        return string.splitlines(keepends=True) + [""] * (string.endswith("\n") or not string)
    if len(string) > 2 * WINDOW:
        found = _by_windows(text)
        if len(found) == text.lines:
            return found
    parts = clusters(text)
    places: NDArray[np.int64] = np.arange(len(parts))
    # First in groups, then one by one those of the groups that stand on two lines: many colours are slow.
    first, last = _lines_of(text, places // GROUP)
    torn = (first < last)[places // GROUP]
    line = first[places // GROUP]
    if torn.any():
        line[torn] = _lines_of(text, np.where(torn, places, -1))[0][torn]
    line = np.clip(np.maximum.accumulate(line), 0, text.lines - 1)
    edges = np.searchsorted(line, np.arange(text.lines + 1))
    lines = ["".join(parts[a:b]) for a, b in pairwise(edges)]
    # Spaces leave no ink; they end the line that they follow.
    for number in range(1, len(lines)):
        begun = lines[number].lstrip(" ")
        lines[number - 1] += " " * (len(lines[number]) - len(begun))
        lines[number] = begun
    return lines


def _by_windows(text: Text) -> list[str]:
    """The lines of a long text, some at a time: from where a line begins, the rest is broken as in the whole.

    A window may take another font for the sign it begins with, so the number of lines can come out wrong.
    """
    lines: list[str] = []
    rest = text.content
    while rest:
        window = _part(rest, 0, WINDOW)
        set_ = text.setter.text(window, text.voice, text.width, pitch=text.pitch)
        found = _line_texts(set_)
        more = len(plain(rest)) > WINDOW
        # The last line, and the one whose last word was cut, may be broken elsewhere in the whole.
        found = found[:-2] if more and len(found) > 2 else found
        lines += found
        rest = _part(rest, sum(map(len, found)), None) if more else ()
    return lines


def _part(content: Spans, start: int, end: int | None) -> Spans:
    """The characters from start to end."""
    found, at = [], 0
    for span in content:
        piece = span.text[max(0, start - at) : None if end is None else max(0, end - at)]
        at += len(span.text)
        if piece:
            found.append(replace(span, text=piece))
    return tuple(found)


def _lines_of(text: Text, groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last line of every group of clusters; 0 where it has no ink; group -1 is left out."""
    pitch = round(SPREAD * text.voice.size)
    first: NDArray[np.int64] = np.full(len(groups), text.lines, np.int64)
    last: NDArray[np.int64] = np.zeros_like(first)
    for number, path in _paths(text, pitch, [colour_of(group) if group >= 0 else 0 for group in groups.tolist()]):
        box = _box(path)
        line = int((box[1] + box[3]) / 2 // pitch)
        first[number], last[number] = min(first[number], line), max(last[number], line)
    return np.minimum(first, last), last


def colour_of(number: int) -> int:
    """The colour of the cluster of that index. A text of more than a million repeats them."""
    red: int = _REDS[number // _EACH % len(_REDS)]
    return 0xFF000000 | red << 16 | number % _EACH


def _paths(text: Text, pitch: int, colours: Sequence[int]) -> Iterator[tuple[int, str]]:
    """The outlines of the text's ink, with the number of its colour. A colour of 0 leaves none."""
    runs = text.setter.runs(text.content, text.voice)
    paragraph = text.setter.paragraph(runs, text.voice, pitch, text.right_to_left, colours)
    paragraph.layout(text.width)
    stream = skia.DynamicMemoryWStream()
    canvas = skia.SVGCanvas.Make(skia.Rect.MakeLTRB(0, 0, 1e7, 1e7), stream, _FLAGS)
    # Ink left of or above the text's corner counts too.
    paragraph.paint(canvas, OFFSET, OFFSET)
    del canvas
    stream.flush()
    for colour, path in _PATH.findall(bytes(stream.detachAsData()).decode()):
        number = int(colour, 16)
        yield _REDS.index(number >> 16) * _EACH + number % _EACH, path


def _box(path: str) -> list[float]:
    values = np.array(path.translate(_COMMANDS).split(), np.float64).reshape(-1, 2) - OFFSET
    return [*values.min(0), *values.max(0)]
