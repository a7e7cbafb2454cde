"""Image files of an export: written as they are stored, under names that every file system takes."""

from __future__ import annotations

import base64
import hashlib
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from redraft.core.atomic import output_error
from redraft.core.errors import InputError
from redraft.core.example import Image

LONGEST = 120
"""Letters of a file name before its suffix; longer ids are cut and told apart by a digest."""


class ImageFolder:
    """Writes images below `root`; names them relative to it, with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = self.bytes = 0
        self._taken: dict[str, str] = {}
        self._made: set[str] = set()

    def write(self, split: str, id: str, image: Image) -> str:
        """Stores one image of an example and returns its name, such as "train/000001-front.png"."""
        suffix = Path(image.path).suffix.lower() or _suffix(image.bytes)
        name = f"{split}/{self._stem(split, id)}-{_safe(Path(image.path).stem)}{suffix}"
        path = self.root / name
        try:
            if split not in self._made:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(split)
            path.write_bytes(image.bytes)
        except OSError as error:
            raise output_error(path, error) from error
        self.count += 1
        self.bytes += len(image.bytes)
        return name

    def _stem(self, split: str, id: str) -> str:
        """A name for the example that no other one has, whatever letters its id holds."""
        stem = _safe(id)[:LONGEST]
        key = f"{split}/{stem.lower()}"
        if self._taken.setdefault(key, id) != id:
            stem = f"{stem}-{hashlib.blake2b(id.encode(), digest_size=6).hexdigest()}"
        return stem


def view_name(image: Image) -> str:
    """What an image shows, as its file name says: "front" for front.png."""
    return Path(image.path).stem.replace("_", " ")


def data_uri(image: Image) -> str:
    """The image as a data URI (RFC 2397)."""
    kind = {".jpg": "jpeg", ".jpeg": "jpeg"}.get(_suffix(image.bytes), _suffix(image.bytes)[1:])
    return f"data:image/{kind};base64,{base64.b64encode(image.bytes).decode()}"


def montage(images: Sequence[Image], where: str) -> Image:
    """All images on one white sheet, row by row in their order, in as square a grid as they need.

    Every cell has the size of the largest image. An image that cannot be decoded is an InputError.
    """
    pictures = []
    for image in images:
        try:
            pictures.append(Pillow.open(io.BytesIO(image.bytes)).convert("RGB"))
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise InputError(
                f"{image.path} cannot be decoded ({str(error).splitlines()[0]})",
                where=where,
                remedy="Run `redraft data check` on the dataset",
            ) from None
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    width, height = max(p.width for p in pictures), max(p.height for p in pictures)
    sheet = Pillow.new("RGB", (columns * width, rows * height), "white")
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index % columns * width, index // columns * height))
    out = io.BytesIO()
    sheet.save(out, "PNG", compress_level=6)
    return Image("montage.png", out.getvalue())


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-") or "x"


def _suffix(data: bytes) -> str:
    if data[:3] == b"\xff\xd8\xff":
        return ".jpg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    return ".png"
