"""Two drawings held against each other, pixel by pixel."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from scipy.ndimage import distance_transform_edt

Gray = NDArray[np.uint8]
INK = 160
"""Gray levels below which a pixel counts as drawn; white is 255."""
NEAR = 2.0
"""Pixels within which two lines are the same line, in a view of 512 pixels; it grows with the view."""
MAX_PIXELS = 40_000_000


class PictureFault(ValueError):
    """A picture that cannot be decoded, in a sentence without a full stop."""


def pixels(data: bytes) -> Gray:
    """The gray picture [H, W], 0 black to 255 white, transparency on white.

    What is no whole PNG or JPEG is a PictureFault.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pictures.DecompressionBombWarning)
            with Pictures.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise PictureFault(f"{image.width} x {image.height} pixels are too many")
                flat = Pictures.new("RGBA", image.size, "white")
                flat.alpha_composite(image.convert("RGBA"))
                return np.asarray(flat.convert("L"))
    except PictureFault:
        raise
    except Exception as error:  # the decoders raise whatever they meet
        raise PictureFault(f"it cannot be decoded ({type(error).__name__})") from None


def ink_agreement(a: Gray, b: Gray) -> float:
    """How far two drawings show the same lines, 0 to 1: the F1 of ink.

    The part of a's ink that has ink of b within `NEAR` pixels, and the other way round, in their harmonic mean. A
    picture of another size than b is brought to b's first. Two empty pictures agree.
    """
    if a.shape != b.shape:
        a = np.asarray(Pictures.fromarray(a).resize((b.shape[1], b.shape[0]), Pictures.Resampling.LANCZOS))
    ink_a, ink_b = a < INK, b < INK
    if not ink_a.any() or not ink_b.any():
        return float(ink_a.any() == ink_b.any())
    near = max(1.0, NEAR * b.shape[0] / 512)
    precision = float((distance_transform_edt(~ink_b)[ink_a] <= near).mean())
    recall = float((distance_transform_edt(~ink_a)[ink_b] <= near).mean())
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)
