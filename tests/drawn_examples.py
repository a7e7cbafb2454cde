"""Small drawn examples with any number of pictures of any size, for tests of model families."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence

import PIL.Image
import PIL.ImageDraw

from redraft.core.example import Example, Image, message

MIXED: tuple[tuple[tuple[int, int], ...], ...] = (((100, 60),), ((200, 200), (64, 90)), (), ((80, 80),) * 3)
"""Sizes of the pictures of four examples: one, two, none and three."""


def drawn_example(index: int, sizes: Sequence[tuple[int, int]], other: int = 0) -> Example:
    """An example with a picture of each size (width, height). other: draws different ones of the same sizes."""
    images = tuple(drawn_image(f"{index}-{place}-{other}", *size) for place, size in enumerate(sizes))
    asked = message("user", "write the program", images=len(images))
    answer = message("assistant", f"add block {index} {index * 37 % 200} 12 depth {index * index}")
    return Example(f"drawn-{index}", images, (asked, answer), {})


def mixed_examples() -> list[Example]:
    return [drawn_example(index, sizes) for index, sizes in enumerate(MIXED)]


def drawn_image(name: str, width: int, height: int) -> Image:
    """Filled boxes in colours, decided by the name."""
    draw = random.Random(name)
    picture = PIL.Image.new("RGB", (width, height), "white")
    pen = PIL.ImageDraw.Draw(picture)
    for _ in range(6):
        left, top = draw.randrange(width // 2), draw.randrange(height // 2)
        box = (left, top, draw.randrange(width // 2, width), draw.randrange(height // 2, height))
        pen.rectangle(box, fill=tuple(draw.randrange(256) for _ in range(3)))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return Image(f"{name}.png", file.getvalue())
