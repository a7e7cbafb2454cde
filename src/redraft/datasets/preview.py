"""A picture of a dataset for its card: the first images of an example, side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from redraft.core.example import Image

NAME = "preview.png"
MOST = 4
HEIGHT = 480
GAP = 12
BACKGROUND = (208, 212, 218)
"""Of the gaps, so that white pages stand out from a white card."""


def preview(images: Sequence[Image]) -> bytes | None:
    """A PNG of at most MOST images, each HEIGHT pixels high; None where there is none, or none can be decoded."""
    found: list[Pillow.Image] = []
    for image in images[:MOST]:
        try:
            picture = Pillow.open(io.BytesIO(image.bytes)).convert("RGB")
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Pillow.DecompressionBombError):
            continue
        width = max(1, round(picture.width * HEIGHT / picture.height))
        found.append(picture.resize((min(width, 4 * HEIGHT), HEIGHT), Pillow.Resampling.LANCZOS))
    if not found:
        return None
    sheet = Pillow.new("RGB", (sum(p.width + GAP for p in found) + GAP, HEIGHT + 2 * GAP), BACKGROUND)
    at = GAP
    for picture in found:
        sheet.paste(picture, (at, GAP))
        at += picture.width + GAP
    data = io.BytesIO()
    sheet.quantize(32).save(data, "PNG", optimize=True)
    return data.getvalue()


def with_preview(card: str, says: str) -> str:
    """The card with the picture under its title; one that has it already as it is."""
    line = f"![{says}]({NAME})"
    title, found, rest = card.partition("\n# ")
    if not found or line in card:
        return card
    head, _, body = rest.partition("\n")
    return f"{title}\n# {head}\n\n{line}\n{body}"
