"""Blur, light, contrast, grain and colour of a page, in one pass over strips that fit the processor's cache."""

from __future__ import annotations

from dataclasses import dataclass

import numpy
import PIL.Image
from numpy.typing import NDArray
from scipy.special import ndtri

Pixels = NDArray[numpy.uint8]
Values = NDArray[numpy.float32]
ROWS = 32
"""Rows of a strip: with 1,024 pixels a row its floats take 128 KB."""
SHARPEST, SOFTEST = 0.05, 0.8
"""Pixels of blur: below, nothing is to be seen; above, three pixels do not hold it."""
QUANTILES: Values = ndtri((numpy.arange(256) + 0.5) / 256).astype(numpy.float32)
"""The standard normal distribution in 256 equally likely values, so that a random byte makes a pixel's grain."""


@dataclass(frozen=True, slots=True)
class Tone:
    """blur: standard deviation in ems. contrast: of what it was, and lift: where the loss goes, 0 (paper becomes
    darker) to 1 (ink becomes lighter). tint: red and blue against green, as parts of their brightness. shade_x,
    shade_y: how much darker it is at the right (lower) border than in the middle; below 0, at the other one.
    noise: standard deviation of the grain in grey values. grain: its seed."""

    blur: float = 0.0
    contrast: float = 1.0
    lift: float = 0.5
    tint: tuple[float, float] = (0.0, 0.0)
    shade_x: float = 0.0
    shade_y: float = 0.0
    noise: float = 0.0
    grain: int = 0


def toned(page: Pixels, tone: Tone, em: float) -> Pixels:
    """The page [H, W] or [H, W, 3] in that light, without its colour. em: pixels of the running text's em."""
    height, width = page.shape[:2]
    blur = min(tone.blur * em, SOFTEST)
    shaded = tone.shade_x != 0 or tone.shade_y != 0
    if blur < SHARPEST and not shaded and tone.contrast == 1.0 and tone.noise == 0:
        return page
    plane = page.reshape(height, width, -1)
    across = _fall(width, tone.shade_x) * numpy.float32(tone.contrast)
    down = _fall(height, tone.shade_y)
    add = numpy.float32(255 * (1 - tone.contrast) * tone.lift + 0.5)
    grain = _grain(tone, height * width) if tone.noise else None
    out = numpy.empty_like(plane)
    for top in range(0, height, ROWS):
        end = min(top + ROWS, height)
        values = _blurred(plane, top, end, blur) if blur >= SHARPEST else plane[top:end].astype(numpy.float32)
        values *= across[None, :, None]
        values *= down[top:end, None, None]
        values += add
        if grain is not None:
            values += grain[0][grain[1][top * width : end * width]].reshape(end - top, width, 1)
        numpy.clip(values, 0, 255, out=values)
        out[top:end] = values
    return out.reshape(page.shape)


def _fall(length: int, shade: float) -> Values:
    """Factors of light along a side, float32 [length]: 1 in the middle, 1 - shade at its end."""
    way = (numpy.arange(length, dtype=numpy.float32) + 0.5) / length * 2 - 1
    found: Values = (1 - numpy.float32(shade) * way).astype(numpy.float32)
    return found


def _blurred(plane: Pixels, top: int, end: int, blur: float) -> Values:
    """Rows top to end, float32, after a kernel of three pixels either way whose variance is blur**2."""
    side = numpy.float32(blur * blur / 2)
    middle = numpy.float32(1) - 2 * side
    low, high = max(top - 1, 0), min(end + 1, plane.shape[0])
    rows = plane[low:high].astype(numpy.float32)
    over = rows * middle
    over[:, 1:] += side * rows[:, :-1]
    over[:, :-1] += side * rows[:, 1:]
    over[:, :1] += side * rows[:, :1]
    over[:, -1:] += side * rows[:, -1:]
    # Beyond the first and the last row of the page lies what lies on it.
    if low == top:
        over = numpy.concatenate([over[:1], over])
    if high == end:
        over = numpy.concatenate([over, over[-1:]])
    found: Values = over[1:-1] * middle
    found += side * over[:-2]
    found += side * over[2:]
    return found


def _grain(tone: Tone, count: int) -> tuple[Values, Pixels]:
    """The values of the grain, and which of them each pixel has."""
    random = numpy.random.Generator(numpy.random.PCG64(tone.grain))
    return QUANTILES * numpy.float32(tone.noise), numpy.frombuffer(random.bytes(count), numpy.uint8)


def tinted(page: Pixels, tint: tuple[float, float]) -> PIL.Image.Image:
    """The page in its colour: red and blue are scaled, and all three so that none becomes brighter. A grey page
    takes a palette, which costs nothing a pixel; without a tint it stays grey."""
    if tint == (0.0, 0.0):
        return PIL.Image.fromarray(page)
    factors = numpy.array([1 + tint[0], 1.0, 1 + tint[1]])
    tables = (numpy.arange(256)[:, None] * (factors / factors.max()) + 0.5).astype(numpy.uint8)
    if page.ndim == 2:
        picture = PIL.Image.fromarray(page)
        picture.putpalette(tables.tobytes())
        return picture
    return PIL.Image.fromarray(numpy.stack([tables[:, i][page[..., i]] for i in range(3)], axis=-1))
