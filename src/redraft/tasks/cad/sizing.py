"""How large the part in a drawing is, and how that is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from redraft.tasks.cad.views.decode import decode, read_bytes
from redraft.tasks.cad.views.ink import find_ink, sides_of
from redraft.tasks.cad.views.lines import NAMES
from redraft.tasks.cad.views.read import Views
from redraft.tasks.cad.views.sheet import split_sheet
from redraft.tasks.cad.views.style import ViewStyle

SizeSource = Literal["drawing", "given", "assumed"]
HALF_PIXEL = 0.5
"""How far the measured middle of a line may lie from the drawn one."""


@dataclass(frozen=True)
class Sizing:
    """longest: the part's largest side in mm. tolerance: mm that it may be off by; None where it is assumed."""

    longest: float
    source: SizeSource
    tolerance: float | None = None


def from_views(views: Views, style: ViewStyle) -> Sizing | None:
    """The size by the scale that the pictures state; None where they state none.

    Of all sizes that fit the pixels the roundest is taken: people make parts of 40 mm, not 39.94. Pictures drawn
    by our own rule (views/snap.py, frame: the largest scale of whole pixels per metre that fits) leave far fewer.
    """
    if views.mm_per_pixel is None or views.size_mm is None:
        return None
    per_metre = 1000 / views.mm_per_pixel
    whole = abs(per_metre - round(per_metre)) < 1e-6 * per_metre
    longest, half = max(views.size_mm), HALF_PIXEL * views.mm_per_pixel
    if whole and abs(longest - style.area * views.mm_per_pixel) < half:
        low = 1000 * style.area / (round(per_metre) + 1)
        return _between(low, 1000 * style.area / round(per_metre), "drawing")
    return _between(longest - half, longest + half, "drawing")


def from_scale(files: Sequence[Path], scale: float) -> Sizing:
    """The size by the person's word on the mm of one pixel in the files as they are: three views, or one sheet."""
    grays = [decode(read_bytes(path), str(path))[0] for path in files]
    views = split_sheet(grays[0], str(files[0])) if len(grays) == 1 else dict(zip(NAMES, grays, strict=True))
    pairs = sides_of({name: find_ink(gray, name) for name, gray in views.items()})
    pixels = max(sum(pair) / 2 for pair in pairs.values())
    return _between((pixels - HALF_PIXEL) * scale, (pixels + HALF_PIXEL) * scale, "given")


def _between(low: float, high: float, source: SizeSource) -> Sizing:
    return Sizing(roundest(low, high), source, (high - low) / 2)


def roundest(low: float, high: float) -> float:
    """Of the numbers from low to high the roundest: a multiple of 10 before one of 5, 1, 0.5, 0.1 and so on."""
    middle = (low + high) / 2
    power = math.floor(math.log10(high)) if high > 0 else 0
    for exponent in range(power, power - 8, -1):
        for lead in (5.0, 1.0):
            step = lead * 10.0**exponent
            value = round(middle / step) * step
            if value > 0 and low * (1 - 1e-12) <= value <= high * (1 + 1e-12):
                return float(f"{value:.12g}")
    return middle
