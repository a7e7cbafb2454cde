"""Draws the three views of a part: the one function behind training pictures, answers and proofs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import skia
from numpy.typing import NDArray

from redraft.core.errors import Refusal
from redraft.tasks.cad.views.lettering import lettering, size_note
from redraft.tasks.cad.views.lines import NAMES, Polyline, ViewLines
from redraft.tasks.cad.views.png import encode_gray
from redraft.tasks.cad.views.snap import Frame, frame, snap, straight_at
from redraft.tasks.cad.views.strokes import Interval, Runs, Strokes, dashes, sort_strokes, split_corners, without
from redraft.tasks.cad.views.style import ViewStyle

Gray = NDArray[np.uint8]
"""A picture [H, W], 0 black to 255 white."""
LEVELS = bytes(round(round(value / 255 * 4) * 255 / 4) for value in range(256))
"""Smoothed edges keep five shades. It halves the files, no eye sees it, and a last bit that two processors
compute differently is gone."""


def draw_views(
    lines: Mapping[str, ViewLines], box_min: Sequence[float], box_max: Sequence[float], style: ViewStyle
) -> tuple[dict[str, bytes], float]:
    """PNG files of the views by name, and their common scale in mm per pixel.

    lines: view name to its lines in mm. box_min, box_max: the part's box [3] in mm, which every view is centred
    on, so that front and top share their x, front and right their y. A box without a side is a Refusal.
    """
    where = part_frame(box_min, box_max, style)
    images = {
        name: encode_gray(draw_view(lines[name], name, where, style), where.scale)
        for name in NAMES
        if name in lines
    }
    return images, where.mm_per_pixel


def part_frame(box_min: Sequence[float], box_max: Sequence[float], style: ViewStyle) -> Frame:
    """The frame of a part's box in a style; a box that is no box is a Refusal."""
    low, high = tuple(float(v) for v in box_min), tuple(float(v) for v in box_max)
    if len(low) != 3 or len(high) != 3 or not all(math.isfinite(v) for v in (*low, *high)):
        raise Refusal("a part's box is not six finite numbers", remedy="Check the part", code="empty")
    if not max(b - a for a, b in zip(low, high, strict=True)) > 0:
        raise Refusal("a part without extent cannot be drawn", remedy="Check the part", code="empty")
    return frame(low, high, style.size, style.area)


def draw_view(lines: ViewLines, view: str, where: Frame, style: ViewStyle) -> Gray:
    """One view as a gray picture [size, size]."""
    visible = split_corners([where.pixels(line, view) for line in lines.visible])
    hidden = split_corners([where.pixels(line, view) for line in lines.hidden]) if style.hidden_width else []
    both = visible + hidden
    odd = round(style.line_width) % 2 == 1
    for axis in (0, 1):
        snap(both, straight_at(both, axis), axis, odd)
    seen = sort_strokes(split_corners(visible))
    behind = sort_strokes(split_corners(hidden))
    behind.horizontal = {y: without(runs, seen.horizontal.get(y, [])) for y, runs in behind.horizontal.items()}
    behind.vertical = {x: without(runs, seen.vertical.get(x, [])) for x, runs in behind.vertical.items()}
    return _paint(seen, behind, where, style)


def _paint(seen: Strokes, behind: Strokes, where: Frame, style: ViewStyle) -> Gray:
    image = np.full((style.size, style.size), 255, np.uint8)
    on, off = style.dash
    _fill(image, behind.vertical, style.hidden_width, style.dash, upright=True)
    _fill(image, behind.horizontal, style.hidden_width, style.dash, upright=False)
    curves = [dash for line in behind.free for dash in dashes(line, on, off)]
    stroke(image, curves, style.hidden_width, skia.Paint.kButt_Cap)
    stroke(image, seen.free, style.line_width, skia.Paint.kRound_Cap)
    _fill(image, seen.vertical, style.line_width, None, upright=True)
    _fill(image, seen.horizontal, style.line_width, None, upright=False)
    if style.size_note:
        height = min(10, style.margin - 10)
        note = lettering(size_note(where.extent), 8.5, style.size - 8.5 - height, height)
        stroke(image, note, 1.2, skia.Paint.kRound_Cap)
    return np.frombuffer(image.tobytes().translate(LEVELS), np.uint8).reshape(image.shape)


def _fill(image: Gray, runs: Runs, width: float, dash: tuple[float, float] | None, *, upright: bool) -> None:
    """Paints straight lines as whole pixels. Solid ones reach half their width beyond their ends: corners fill."""
    target = image.T if upright else image
    thick = max(1, round(width))
    for across, stretches in runs.items():
        top = math.ceil(across - thick / 2 - 1e-9)
        for low, high in stretches:
            for a, b in _pieces((low, high), thick, dash):
                target[max(0, top) : max(0, top + thick), max(0, a) : max(0, b)] = 0


def _pieces(run: Interval, thick: int, dash: tuple[float, float] | None) -> list[tuple[int, int]]:
    if dash is None:
        return [(math.ceil(run[0] - thick / 2 - 1e-9), math.ceil(run[1] - thick / 2 - 1e-9) + thick)]
    line = np.array([[run[0], 0.0], [run[1], 0.0]])
    return [
        (round(float(d[0, 0])), max(round(float(d[0, 0])) + 1, round(float(d[-1, 0]))))
        for d in dashes(line, *dash)
    ]


def stroke(image: Gray, lines: Sequence[Polyline], width: float, cap: skia.Paint.Cap) -> None:
    """Draws polylines smoothed into a gray picture, all in one path, so that nothing is painted twice."""
    if not lines or width == 0:
        return
    path = skia.Path()
    for line in lines:
        points = line.tolist()
        path.addPoly([skia.Point(x, y) for x, y in points], points[0] == points[-1])
    paint = skia.Paint(
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=cap,
        StrokeJoin=skia.Paint.kRound_Join,
        AntiAlias=True,
        Color=skia.ColorBLACK,
    )
    height, wide = image.shape
    info = skia.ImageInfo.Make(wide, height, skia.ColorType.kGray_8_ColorType, skia.AlphaType.kOpaque_AlphaType)
    surface = skia.Surface.MakeRasterDirect(info, image, wide)
    surface.getCanvas().drawPath(path, paint)
