"""Pictures from anywhere as gray arrays, or one sentence that says why not."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from redraft.core.errors import InputError, UsageError
from redraft.tasks.cad.views.png import read_scale

Gray = NDArray[np.uint8]
"""A picture [H, W], 0 black to 255 white."""
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE = 32
AGAIN = "Export the picture again as PNG"


def read_bytes(path: Path) -> bytes:
    """The file's bytes. A missing one is a UsageError; an empty or huge one, or a folder, an InputError."""
    try:
        if path.is_dir():
            raise InputError("this is a folder, not a picture", where=str(path), remedy="Give the picture's file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                f"the file has {size / 2**20:.0f} MiB, beyond {MAX_BYTES // 2**20}",
                where=str(path),
                remedy="Save it as a PNG of 512 to 4,000 pixels a side",
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError("there is no such picture", where=str(path), remedy="Check the path") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(path), remedy="Check the file") from None


def decode(data: bytes, where: str) -> tuple[Gray, float | None]:
    """The picture as gray levels [H, W], what is transparent as white; and its scale in mm per pixel, if any.

    Any mode and depth is taken; a photo's orientation is applied; light lines on a dark ground are inverted. An
    InputError for no picture, a broken or cut one, several pages, too many or few pixels, and for nothing on it.
    """
    if not data:
        raise InputError("the file is empty", where=where, remedy=AGAIN)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Pillow.open(io.BytesIO(data), formats=FORMATS)
            _check_size(picture, where)
            picture.load()
            gray = _gray(picture)
    except UnidentifiedImageError:
        raise InputError(
            "not a picture in a known format", where=where, remedy=f"Give one of {', '.join(FORMATS)}"
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, ZeroDivisionError) as error:
        raise InputError(f"the picture is broken or cut off ({error})", where=where, remedy=AGAIN) from None
    except (Pillow.DecompressionBombError, MemoryError):
        raise InputError("the picture has too many pixels", where=where, remedy="Scale it down") from None
    if np.median(gray) < 128:
        gray = 255 - gray
    if int(gray.max()) - int(gray.min()) < 64:
        raise InputError(
            "the picture shows nothing: it has one shade all over",
            where=where,
            remedy="Give a line drawing of the part, dark on white",
        )
    return gray, read_scale(data)


def _check_size(picture: Pillow.Image, where: str) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{width} x {height} are {width * height / 1e6:.0f} million pixels, beyond {MAX_PIXELS / 1e6:.0f}",
            where=where,
            remedy="Scale it down; views are drawn with 512 x 512",
        )
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f"{width} x {height} pixels are too few for a drawing",
            where=where,
            remedy=f"Give at least {MIN_SIDE} a side, better 512",
        )
    if getattr(picture, "n_frames", 1) > 1:
        raise InputError("the file holds several pages", where=where, remedy="Save the page you mean as a PNG")


def _gray(picture: Pillow.Image) -> Gray:
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        top = 65535.0 if values.max() > 255 else 255.0 if values.max() > 1 else 1.0
        return (np.clip(values / top, 0, 1) * 255).astype(np.uint8)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = Pillow.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Pillow.alpha_composite(ground, picture)
    return np.asarray(picture.convert("RGB").convert("L"))
