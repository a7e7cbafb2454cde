"""Opens the encoded pictures of an example as RGB, the same way for training and for serving."""

from __future__ import annotations

import io

import PIL.Image

from redraft.core.errors import InputError
from redraft.core.example import Example, Image

MAX_PIXELS = 64_000_000
"""A page of A4 at 600 dots per inch has 35 million; more is a fault or an attack, and is refused unread."""
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")


def open_picture(image: Image, where: str = "") -> PIL.Image.Image:
    """The picture as 8-bit RGB; transparent parts become white. Anything else is an InputError."""
    place = f"{where} {image.path}".strip()
    try:
        picture: PIL.Image.Image = PIL.Image.open(io.BytesIO(image.bytes), formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            raise InputError(
                f"a picture of {picture.width} x {picture.height} pixels",
                where=place,
                remedy=f"Scale it below {MAX_PIXELS // 1_000_000} million pixels",
            )
        picture.load()
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise anything from struct.error to SyntaxError
        raise InputError(
            f"not a readable picture ({type(error).__name__}: {error})",
            where=place,
            remedy=f"Give one of {', '.join(FORMATS)}",
        ) from None
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = PIL.Image.new("RGBA", picture.size, "white")
        return PIL.Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


def open_pictures(example: Example) -> list[PIL.Image.Image]:
    """All pictures of an example in their order."""
    return [open_picture(image, example.id) for image in example.images]
