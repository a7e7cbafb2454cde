"""Draws a page of a layout."""

from __future__ import annotations

import numpy as np
import skia
from numpy.typing import NDArray

from redraft.tasks.summary.pages.boxes import Area
from redraft.tasks.summary.pages.flow import Slice
from redraft.tasks.summary.pages.layout import Layout
from redraft.tasks.summary.pages.typeset import Text

Pixels = NDArray[np.uint8]


def draw(layout: Layout, index: int) -> Pixels:
    """The page of that index, from 0, as grey values [H, W], 0 black. The same every time."""
    style = layout.style
    width, height = style.pixels
    pixels = np.full((height, width), style.paper, np.uint8)
    info = skia.ImageInfo.Make(width, height, skia.kGray_8_ColorType, skia.kOpaque_AlphaType)
    surface = skia.Surface.MakeRasterDirect(info, pixels, width)
    canvas = surface.getCanvas()
    page = layout.pages[index]
    for piece in page.slices:
        _areas(pixels, piece)
    for piece in page.slices:
        _texts(canvas, piece, width)
    for item in page.furniture:
        _text(canvas, item.text, item.x, item.y)
    return pixels


def _areas(pixels: Pixels, piece: Slice) -> None:
    left, above = piece.frame.left, piece.y - piece.top
    for area in piece.box.areas:
        pad = piece.box.pad
        top, bottom = max(area.top, piece.top - pad), min(area.bottom, piece.bottom + pad)
        if top < bottom:
            _fill(pixels, area, left, above + top, above + bottom)
    for area in piece.box.bridges if piece.bridged else ():
        _fill(pixels, area, left, piece.y - piece.bridged, piece.y)


def _fill(pixels: Pixels, area: Area, left: int, top: int, bottom: int) -> None:
    pixels[max(top, 0) : bottom, max(left + area.left, 0) : left + area.right] = area.grey


def _texts(canvas: skia.Canvas, piece: Slice, width: int) -> None:
    left, above = piece.frame.left, piece.y - piece.top
    if piece.whole:
        for part in piece.box.parts:
            _text(canvas, part.text, left + part.x, above + part.y)
        return
    canvas.save()
    canvas.clipRect(skia.Rect.MakeLTRB(0, piece.y, width, piece.y + piece.bottom - piece.top))
    for part in piece.box.parts:
        if part.y < piece.bottom and part.y + part.text.height > piece.top:
            _text(canvas, part.text, left + part.x, above + part.y)
    canvas.restore()


def _text(canvas: skia.Canvas, text: Text, x: int, y: int) -> None:
    text.paragraph.paint(canvas, x, y + text.shift)
