"""Whether an encoded image can be decoded, and whether it shows anything at all."""

from __future__ import annotations

import io
import warnings
from typing import Literal

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from redraft.core.example import Image

MAX_PIXELS = 100_000_000
"""Beyond it a picture is refused before it is decoded: no model takes it, and a small file can claim any size."""


def image_fault(image: Image) -> tuple[str, Literal["error", "warning"], str] | None:
    """(kind, severity, reason) of what is wrong: empty_image, broken_image, blank_image. None for a good one."""
    if not image.bytes:
        return "empty_image", "error", f"{image.path} has no bytes"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Pillow.open(io.BytesIO(image.bytes))
            width, height = picture.size
            if width * height > MAX_PIXELS:
                return "broken_image", "error", f"{image.path} claims {width} x {height} pixels"
            picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Pillow.DecompressionBombError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "no image format that is known"
        return "broken_image", "error", f"{image.path} cannot be decoded ({reason})"
    if all(low == high for low, high in _extrema(picture)):
        return "blank_image", "warning", f"{image.path} has one colour alone"
    return None


def size_of(image: Image) -> tuple[int, int] | None:
    """Width and height in pixels from the file's head, or None where it is no image."""
    try:
        return Pillow.open(io.BytesIO(image.bytes)).size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Pillow.DecompressionBombError):
        return None


def _extrema(picture: Pillow.Image) -> list[tuple[float, float]]:
    if picture.mode == "P":
        picture = picture.convert("RGB")
    found = picture.getextrema()
    pairs = found if isinstance(found[0], tuple) else (found,)
    return [(float(low), float(high)) for low, high in pairs]
