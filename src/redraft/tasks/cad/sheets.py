"""A given drawing beside the one that an answer makes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from redraft.core.example import Image
from redraft.tasks.cad.pictures import INK, Gray, pixels

Ink = NDArray[np.bool_]
GAP = 12
"""Pixels of white between two views."""
CAPTION = 44
"""Height in pixels of the line above a sheet."""
SIDE = 512
"""Side of a view on a sheet that stands beside another."""
RULE = 200
"""Gray level of the line between two sheets."""
ONLY_GIVEN, ONLY_MADE = (214, 39, 40), (31, 119, 180)
"""Red and blue of ink that the other drawing does not have."""


def beside(given: Sequence[Image], made: Sequence[Image]) -> bytes:
    """An RGB PNG of three sheets: the given drawing, the answer's own, and both on each other.

    On the third, ink of both is black, ink that only the given drawing has is red, ink that only the answer has is
    blue; each picture is brought to 512 pixels first.
    """
    left, right = ([_sized(pixels(image.bytes)) for image in images] for images in (given, made))
    sheets = [
        ("given", [_rgb(gray) for gray in left]),
        ("answer, drawn again", [_rgb(gray) for gray in right]),
        ("both: red only given, blue only answered", [_overlay(a, b) for a, b in zip(left, right, strict=True)]),
    ]
    columns = [_captioned(caption, _third_angle(views)) for caption, views in sheets]
    gap = np.full((columns[0].shape[0], 6 * GAP, 3), 255, np.uint8)
    gap[GAP:-GAP, 3 * GAP] = RULE
    return _png(np.concatenate([columns[0], gap, columns[1], gap, columns[2]], axis=1))


def _third_angle(views: Sequence[Gray]) -> Gray:
    front, top, right = views
    height, width = max(view.shape[0] for view in views), max(view.shape[1] for view in views)
    page = np.full((2 * height + GAP, 2 * width + GAP, 3), 255, np.uint8)
    for view, y, x in ((top, 0, 0), (front, height + GAP, 0), (right, height + GAP, width + GAP)):
        page[y : y + view.shape[0], x : x + view.shape[1]] = view
    return page


def _overlay(given: Gray, made: Gray) -> Gray:
    """Both drawings [H, W, 3], near lines counted as one."""
    page = np.full((*made.shape, 3), 255, np.uint8)
    a, b = given < INK, made < INK
    page[a & ~_wider(b)] = ONLY_GIVEN
    page[b & ~_wider(a)] = ONLY_MADE
    page[(a & _wider(b)) | (b & _wider(a))] = 0
    return page


def _wider(ink: Ink, by: int = 2) -> Ink:
    """The ink and every pixel within `by` of it, in steps along the axes."""
    wide = ink.copy()
    for _ in range(by):
        grown = wide.copy()
        grown[1:] |= wide[:-1]
        grown[:-1] |= wide[1:]
        grown[:, 1:] |= wide[:, :-1]
        grown[:, :-1] |= wide[:, 1:]
        wide = grown
    return wide


def _captioned(caption: str, page: Gray) -> Gray:
    line = Pictures.new("RGB", (page.shape[1], CAPTION), "white")
    ImageDraw.Draw(line).text((GAP, 10), caption, fill=(90, 90, 90), font=ImageFont.load_default(22))
    return np.concatenate([np.asarray(line), page], axis=0)


def _sized(gray: Gray) -> Gray:
    if gray.shape == (SIDE, SIDE):
        return gray
    return np.asarray(Pictures.fromarray(gray).resize((SIDE, SIDE), Pictures.Resampling.LANCZOS))


def _rgb(gray: Gray) -> Gray:
    return np.repeat(gray[:, :, None], 3, axis=2)


def _png(page: Gray) -> bytes:
    packed = io.BytesIO()
    Pictures.fromarray(page).save(packed, "PNG", optimize=True)
    return packed.getvalue()
