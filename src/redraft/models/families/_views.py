"""How stock image processors that make one view of a picture size it."""

from __future__ import annotations

from typing import Any

import numpy as np


def written(processor: Any, width: int, height: int) -> str:
    """What a processor writes in the place of a picture that the encoder gets so large."""
    blank = np.broadcast_to(np.float32(0), (3, height, width))  # it looks at the form alone
    return str(processor.replace_image_token({"pixel_values": [blank]}, 0))


def resized(pictures: Any, width: int, height: int) -> tuple[float, int, int]:
    """scale of the height, and width and height of what the encoder gets, for `PilBackend`'s resize and crop."""
    scaled = _target(pictures.size, width, height) if pictures.do_resize else (width, height)
    crop = getattr(pictures, "crop_size", None) if getattr(pictures, "do_center_crop", False) else None
    seen = (int(crop["width"]), int(crop["height"])) if crop is not None else scaled
    return scaled[1] / height, *seen


def _target(size: Any, width: int, height: int) -> tuple[int, int]:
    """Width and height, by a processor's `size`."""
    from transformers.image_transforms import get_size_with_aspect_ratio

    short, long = size.get("shortest_edge"), size.get("longest_edge")
    if short and long:
        tall, wide = get_size_with_aspect_ratio((height, width), short, long)
        return int(wide), int(tall)
    if short:
        other = int(short * max(width, height) / min(width, height))
        return (short, other) if width <= height else (other, short)
    if size.get("height") and size.get("width"):
        return int(size["width"]), int(size["height"])
    named = ", ".join(name for name, value in dict(size).items() if value)
    raise NotImplementedError(f"pictures sized by {named} are not known here")
