"""What `POST /api/reconstruct` does: pictures of a stranger, decoded behind walls, to files in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from redraft.core.atomic import write_bytes
from redraft.core.errors import InputError
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.verbs.reconstructing import reconstruct
from redraft.tasks.cad.views.decode import read_bytes
from redraft.tasks.cad.views.png import encode_gray

PART = "part.step"
AGAIN = "Export the picture again as PNG"


def answer(request: Request, work: Work) -> Result:
    """request: folder, given (names in it of front, top and right, or of one sheet), model, size, scale, samples.

    As `reconstruct`, with `files` as names in the folder, and an STL file among them.
    """
    folder = Path(request["folder"])
    clean = [_clean(folder / name) for name in request["given"]]
    asked = {key: request.get(key) for key in ("model", "size", "scale", "samples")}
    value = reconstruct({**asked, "pictures": clean, "output": str(folder / PART)}, work).value
    names = [Path(path).name for path in value["files"]]
    if value["valid"]:
        exported = shared_pool().call("export", {"step": (folder / PART).read_bytes(), "formats": ["stl"]})
        if exported.ok:
            path = (folder / PART).with_suffix(".stl")
            write_bytes(path, exported.value["stl"])
            names.append(path.name)
        else:
            work.log(f"not written as STL: {exported.detail}", "warning")
    return Result({**value, "files": names})


def _clean(path: Path) -> str:
    """The path of a PNG file that was written here from the picture's pixels and its scale."""
    name = path.stem
    outcome = shared_pool().call("pixels", {"picture": read_bytes(path), "name": name})
    if not outcome.ok:
        raise InputError(f"this picture could not be decoded ({outcome.reason})", where=name, remedy=AGAIN)
    found: dict[str, Any] = outcome.value
    if "what" in found:
        raise InputError(str(found["what"]), where=name, remedy=str(found["remedy"]))
    height, width, pixels = found["height"], found["width"], found["gray"]
    if not (isinstance(height, int) and isinstance(width, int) and len(pixels) == height * width):
        raise InputError("this picture could not be decoded", where=name, remedy=AGAIN)
    gray = np.frombuffer(pixels, np.uint8).reshape(height, width)
    scale = found["mm_per_pixel"]
    clean = path.with_name(f"{name}.png")
    write_bytes(clean, encode_gray(gray, round(1000 / scale) if isinstance(scale, float) and scale > 0 else None))
    return str(clean)
