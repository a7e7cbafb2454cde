"""Pictures that nobody has vouched for, decoded behind walls: what comes out are pixels and no file.

It runs in the processes of a `KernelPool` only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redraft.core.errors import InputError
from redraft.core.example import Image
from redraft.models.pictures import open_picture


def pixels(payload: dict[str, Any]) -> dict[str, Any]:
    """{bytes, name} -> {width, height, rgb: bytes [H, W, 3]}, or {what, remedy} of what is no picture."""
    try:
        picture = open_picture(Image(payload["name"], payload["bytes"]))
    except InputError as error:
        return {"what": error.what, "remedy": error.remedy}
    return {"width": picture.width, "height": picture.height, "rgb": picture.tobytes()}


JOBS: dict[str, Callable[[dict[str, Any]], Any]] = {"pixels": pixels}
