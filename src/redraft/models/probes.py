"""Two drawn examples, for proofs that need some where the user gives none."""

from __future__ import annotations

import io

import PIL.Image
import PIL.ImageDraw

from redraft.core.example import Example, Image, message


def probe_examples() -> list[Example]:
    """A picture of a box and a hole, and a page of lines, each with a question and an answer; always the same."""
    return [
        Example(
            f"probe-{name}",
            (Image(f"{name}.png", _drawn(name)),),
            (message("user", question, images=1), message("assistant", answer)),
            {},
        )
        for name, question, answer in (
            ("box", "What is drawn here?", "A box of 60 by 40 with a hole of radius 10 in its middle."),
            ("page", "What does the page say?", "Twelve lines, each a little longer than the one before."),
        )
    ]


def probe_page(side: int) -> Example:
    """A square page of lines, so many pixels wide, with a question."""
    picture = PIL.Image.new("RGB", (side, side), "white")
    pen = PIL.ImageDraw.Draw(picture)
    for top in range(side // 16, side * 15 // 16, 24):
        pen.rectangle([side // 16, top, side * 15 // 16, top + 8], fill="black")
    image = Image("page.png", _png(picture))
    return Example("probe-page", (image,), (message("user", "What does the page say?", images=1),), {})


def _drawn(name: str) -> bytes:
    picture = PIL.Image.new("RGB", (224, 160), "white")
    pen = PIL.ImageDraw.Draw(picture)
    if name == "box":
        pen.rectangle([52, 40, 172, 120], outline="black", width=3)
        pen.ellipse([92, 60, 132, 100], outline="black", width=2)
    else:
        for line in range(12):
            pen.rectangle([10, 8 + 12 * line, 100 + 8 * line, 14 + 12 * line], fill="black")
    return _png(picture)


def _png(picture: PIL.Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
