"""What the ink of three views says of a part: its proportions, whether the views agree, and where they belong."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFilter

from redraft.core.errors import InputError
from redraft.tasks.cad.views.decode import Gray
from redraft.tasks.cad.views.lines import AXES, NAMES
from redraft.tasks.cad.views.style import ViewStyle

DARK = 160
"""Gray levels below are ink."""
AGREE = 0.03
"""Shares that two views give of the same side may differ by this part of the longest side, or by 3 pixels."""
SIDES = ("width", "depth", "height")


@dataclass(frozen=True, slots=True)
class Ink:
    """Where a picture's ink lies: left, top, right, bottom in pixels; weight: the thickness of its lines."""

    left: int
    top: int
    right: int
    bottom: int
    weight: float

    @property
    def sides(self) -> tuple[float, float]:
        """Across and up, from the middle of one outer line to the middle of the other."""
        return (
            max(1.0, self.right - self.left - self.weight),
            max(1.0, self.bottom - self.top - self.weight),
        )

    @property
    def middle(self) -> tuple[float, float]:
        return ((self.left + self.right) / 2, (self.top + self.bottom) / 2)


def find_ink(gray: Gray, where: str) -> Ink:
    """The ink of a picture; an InputError where there is none."""
    dark = gray < DARK
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    if len(rows) == 0:
        raise InputError("the picture has no dark line", where=where, remedy="Give a line drawing, black on white")
    left, right = int(columns[0]), int(columns[-1]) + 1
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    return Ink(left, top, right, bottom, _weight(dark[top:bottom, left:right]))


def _weight(dark: np.ndarray) -> float:
    """The usual thickness of the outer lines: first runs of ink from the left and from above."""
    weights = []
    for view in (dark, dark.T):
        inked = view[view.any(axis=1)]
        first = inked.argmax(axis=1)
        ends = ~inked
        ends[np.arange(inked.shape[1])[None, :] < first[:, None]] = False
        last = np.where(ends.any(axis=1), ends.argmax(axis=1), inked.shape[1])
        weights.append(float(np.quantile(last - first, 0.25)))
    return min(weights)


def sides_of(
    inks: Mapping[str, Ink], factors: Mapping[str, float] | None = None
) -> dict[str, tuple[float, float]]:
    """Pixels of width, depth and height, as the two views that show each give them, times the views' factors."""
    sides: dict[str, list[float]] = {side: [] for side in SIDES}
    for name in NAMES:
        for axis, pixels in zip(AXES[name], inks[name].sides, strict=True):
            sides[SIDES[axis]].append(pixels * (factors[name] if factors else 1.0))
    return {side: (values[0], values[1]) for side, values in sides.items()}


def agree(inks: Mapping[str, Ink]) -> bool:
    pairs = sides_of(inks).values()
    longest = max(max(pair) for pair in pairs)
    return all(abs(a - b) <= max(3.0, AGREE * longest) for a, b in pairs)


def common_scale(inks: Mapping[str, Ink]) -> dict[str, float] | None:
    """Factors that bring views drawn at different scales to the front's; None where no factors can."""
    (wf, hf), (wt, dt), (dr, hr) = (inks[name].sides for name in NAMES)
    top, right = wf / wt, hf / hr
    if abs(math.log((dt * top) / (dr * right))) > 2 * AGREE:
        return None
    return {"front": 1.0, "top": top, "right": right}


def disagreement(inks: Mapping[str, Ink], where: Mapping[str, str]) -> InputError:
    """The error for views that cannot be of one part, with the exchange that would mend them, if one would."""
    found = []
    longest = max(max(pair) for pair in sides_of(inks).values())
    names = {side: [n for n in NAMES if SIDES.index(side) in AXES[n]] for side in SIDES}
    for side, (a, b) in sides_of(inks).items():
        if abs(a - b) > max(3.0, AGREE * longest):
            first, second = names[side]
            found.append(f"the {side} is {a:.0f} pixels in {first} and {b:.0f} in {second}")
    remedy = "Give front, top and right of the same part, in third angle"
    for order in itertools.permutations(NAMES):
        if order != NAMES and agree({name: inks[other] for name, other in zip(NAMES, order, strict=True)}):
            mended = ", ".join(
                f"{_file(where[other])} as {name}" for name, other in zip(NAMES, order, strict=True)
            )
            remedy = f"They would agree in another order: {mended}"
            break
    return InputError(f"the views disagree: {'; '.join(found)}", where=where["front"], remedy=remedy)


def is_fitted(grays: Mapping[str, Gray], inks: Mapping[str, Ink], style: ViewStyle) -> bool:
    """Whether the pictures already are as `draw_views` draws: size, longest side and middle."""
    half = style.size / 2
    if any(gray.shape != (style.size, style.size) for gray in grays.values()):
        return False
    if any(abs(v - half) > 1.5 for ink in inks.values() for v in ink.middle):
        return False
    longest = max(side for ink in inks.values() for side in ink.sides)
    return abs(longest - style.area) <= max(3.0, 0.01 * style.area)


def fitted(gray: Gray, ink: Ink, factor: float, style: ViewStyle) -> Gray:
    """The picture's ink scaled by a factor into the middle of a white square, its lines as heavy as drawn ones.

    Without that weight thin lines of a large picture would fade when it shrinks.
    """
    middle_x, middle_y = ink.middle
    pad = 2
    image = gray[max(0, ink.top - pad) : ink.bottom + pad, max(0, ink.left - pad) : ink.right + pad]
    corner_x, corner_y = max(0, ink.left - pad), max(0, ink.top - pad)
    x, y, weight = middle_x - corner_x, middle_y - corner_y, ink.weight
    while factor <= 0.5 and min(image.shape) > 1:
        height, width = image.shape
        image = np.pad(image, ((0, height % 2), (0, width % 2)), constant_values=255)
        image = image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2).min(axis=(1, 3))
        x, y, weight, factor = x / 2, y / 2, max(1.0, (weight + 1) / 2), factor * 2
    picture = Pillow.fromarray(image)
    missing = round((style.line_width / factor - weight) / 2)
    if missing >= 1 and factor < 1:
        picture = picture.filter(ImageFilter.MinFilter(2 * missing + 1))
    across, down = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    picture = picture.resize(
        (across, down), Pillow.Resampling.LANCZOS if factor < 1 else Pillow.Resampling.BICUBIC
    )
    page = Pillow.new("L", (style.size, style.size), 255)
    page.paste(picture, (round(style.size / 2 - x * factor), round(style.size / 2 - y * factor)))
    return np.asarray(page)


def _file(path: str) -> str:
    return path.rsplit("/", 1)[-1]
