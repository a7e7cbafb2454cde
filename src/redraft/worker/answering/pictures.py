"""A request's pictures, made harmless: decoded behind walls, and written anew from their pixels."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable

import PIL.Image

from redraft.core.chat import ImageUrl
from redraft.core.errors import InputError
from redraft.core.example import Image
from redraft.tasks.cad.kernel.pool import KernelPool

SECONDS = 20.0
MEMORY_MB = 1024
"""What decoding one picture may take."""


class Pictures:
    """Its processes start with the first picture, and end with `close`; they start again when they are needed."""

    def __init__(self) -> None:
        self._pool: KernelPool | None = None
        self._lock = threading.Lock()

    def images(self, given: Iterable[ImageUrl]) -> tuple[Image, ...]:
        """The pictures as PNG files of ours. One that cannot be read, is too large, or that ends its decoder is an
        InputError which says which one."""
        return tuple(
            self.image(one.bytes(), f"messages: picture {number}") for number, one in enumerate(given, start=1)
        )

    def image(self, data: bytes, name: str) -> Image:
        """One of them. name: for messages."""
        outcome = self._processes().call("pixels", {"bytes": data, "name": name})
        if not outcome.ok:
            raise InputError(
                f"this picture could not be decoded ({outcome.reason})",
                where=name,
                remedy="Export it again as PNG",
            )
        found = outcome.value
        if "what" in found:
            raise InputError(str(found["what"]), where=name, remedy=str(found["remedy"]))
        width, height, rgb = found["width"], found["height"], found["rgb"]
        if not (isinstance(width, int) and isinstance(height, int) and len(rgb) == width * height * 3):
            raise InputError("this picture could not be decoded", where=name, remedy="Export it again as PNG")
        file = io.BytesIO()
        PIL.Image.frombytes("RGB", (width, height), rgb).save(file, "PNG", compress_level=1)
        return Image(name, file.getvalue())

    def close(self) -> None:
        with self._lock:
            if self._pool is not None:
                self._pool.close()
            self._pool = None

    def _processes(self) -> KernelPool:
        with self._lock:
            if self._pool is None:
                self._pool = KernelPool(
                    workers=2,
                    timeout=SECONDS,
                    memory_mb=MEMORY_MB,
                    jobs="redraft.worker.answering.picture_jobs",
                )
            return self._pool
