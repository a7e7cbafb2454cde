"""The three views on one sheet, in third angle: front below left, top above it, right beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from redraft.core.errors import InputError
from redraft.tasks.cad.views.decode import Gray, decode
from redraft.tasks.cad.views.ink import DARK
from redraft.tasks.cad.views.png import encode_gray, read_scale

PLACES = {"top": (0, 0), "front": (1, 0), "right": (1, 1)}
"""Row and column of a view on the sheet of two by two."""
REMEDY = (
    "Give a sheet with front below left, top above it and right beside it, white between them, without frame, "
    "dimensions and text; or give the three views as files"
)


def draw_sheet(images: Mapping[str, bytes]) -> bytes:
    """One PNG of twice the views' size, pixel for pixel, with their scale.

    images: PNG bytes by view name, as `draw_views` gives them.
    """
    grays = {name: decode_own(images[name]) for name in PLACES}
    size = grays["front"].shape[0]
    page = np.full((2 * size, 2 * size), 255, np.uint8)
    for name, (row, column) in PLACES.items():
        page[row * size : (row + 1) * size, column * size : (column + 1) * size] = grays[name]
    scale = read_scale(images["front"])
    return encode_gray(page, None if scale is None else round(1000 / scale))


def decode_own(image: bytes) -> Gray:
    return decode(image, "a view")[0]


def split_sheet(gray: Gray, where: str) -> dict[str, Gray]:
    """The views of a sheet. One of two equal halves each way is cut there, any other in the white between views.

    An InputError where the sheet has no white cross with three views around it and nothing above right.
    """
    dark = gray < DARK
    height, width = gray.shape
    cuts = [(height // 2, width // 2)] if height == width and height % 2 == 0 else []
    cuts += [(row, column) for row in _gaps(dark.any(axis=1)) for column in _gaps(dark.any(axis=0))]
    for row, column in cuts:
        if _is_cross(dark, row, column):
            return {"front": gray[row:, :column], "top": gray[:row, :column], "right": gray[row:, column:]}
    raise InputError("the three views of the sheet cannot be told apart", where=where, remedy=REMEDY)


def _gaps(inked: Any) -> list[int]:
    """The middles of white bands between ink, the widest first."""
    at = np.flatnonzero(inked)
    steps = np.diff(at)
    order = np.argsort(-steps, kind="stable")
    return [int(at[i] + 1 + (steps[i] - 1) // 2) for i in order if steps[i] > 2][:12]


def _is_cross(dark: np.ndarray, row: int, column: int) -> bool:
    """Whether both cut lines run through white, three quarters hold ink, and the one above right holds none."""
    if dark[row - 1 : row + 1].any() or dark[:, column - 1 : column + 1].any():
        return False
    quarters = (dark[row:, :column], dark[:row, :column], dark[row:, column:])
    return all(bool(q.any()) for q in quarters) and not dark[:row, column:].any()
