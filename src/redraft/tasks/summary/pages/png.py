"""Grey pixels as a PNG file (ISO/IEC 15948), stored without compression where speed counts."""

from __future__ import annotations

import struct
import threading
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_STORED = 0xFFFF
"""Bytes of a stored block (RFC 1951, 3.2.4)."""
_STORED = b"\x78\x01"
"""Head of a zlib stream without preset dictionary, of the fastest level (RFC 1950)."""


_local = threading.local()


def encode(pixels: NDArray[np.uint8], level: int = 0) -> bytes:
    """The PNG of grey values [H, W]. level: of zlib; 0 stores them as they are, 9 is the smallest."""
    height, width = pixels.shape
    if not level and width < MOST_STORED:
        return _frame(height, width).filled(pixels)
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = pixels
    return _head(height, width) + _chunk(b"IDAT", zlib.compress(rows.data, level)) + _chunk(b"IEND", b"")


class _Frame:
    """The file of stored pages of one size, but for its pixels: kept, since fresh memory costs as much as copying.

    The data are stored blocks, each of as many whole rows as it may hold.
    """

    def __init__(self, height: int, width: int) -> None:
        self.shape = height, width
        each = min(MOST_STORED // (width + 1), height)
        counts = [min(each, height - top) for top in range(0, height, each)]
        size = 2 + height * (width + 1) + 5 * len(counts) + 4
        head = _head(height, width) + struct.pack(">I", size) + b"IDAT"
        self.start = len(head)
        self.bytes: NDArray[np.uint8] = np.zeros(self.start + size + 4 + 12, np.uint8)
        self._put(0, head + _STORED)
        self._put(self.start + size + 4, _chunk(b"IEND", b""))
        self.end = self.start + size
        self.blocks: list[NDArray[np.uint8]] = []
        at = self.start + 2
        for number, rows in enumerate(counts):
            length = rows * (width + 1)
            last = number == len(counts) - 1
            self._put(at, struct.pack("<BHH", last, length, length ^ 0xFFFF))
            self.blocks.append(self.bytes[at + 5 : at + 5 + length])
            at += 5 + length

    def filled(self, pixels: NDArray[np.uint8]) -> bytes:
        top, check = 0, 1
        for block in self.blocks:
            rows = block.reshape(-1, self.shape[1] + 1)
            # Before each row stands its filter: 0, none.
            rows[:, 1:] = pixels[top : top + len(rows)]
            check = zlib.adler32(block.data, check)
            top += len(rows)
        self._put(self.end - 4, struct.pack(">I", check))
        self._put(self.end, struct.pack(">I", zlib.crc32(self.bytes[self.start - 4 : self.end].data)))
        return self.bytes.tobytes()

    def _put(self, at: int, data: bytes) -> None:
        self.bytes[at : at + len(data)] = np.frombuffer(data, np.uint8)


def _frame(height: int, width: int) -> _Frame:
    """Each thread's own, of the size it asked for last."""
    found: _Frame | None = getattr(_local, "frame", None)
    if found is None or found.shape != (height, width):
        found = _local.frame = _Frame(height, width)
    return found


def _head(height: int, width: int) -> bytes:
    return SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
    return struct.pack(">I", len(data)) + kind + data + check
