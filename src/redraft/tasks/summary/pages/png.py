"""Grey pixels as a PNG file (ISO/IEC 15948), stored without compression where speed counts."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_STORED = 0xFFFF
"""Bytes of a stored block (RFC 1951, 3.2.4)."""


def encode(pixels: NDArray[np.uint8], level: int = 0) -> bytes:
    """The PNG of grey values [H, W]. level: of zlib, 0 stores them as they are, 9 is the smallest."""
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(rows.data, level)
    return b"".join((SIGNATURE, *_chunk(b"IHDR", header), *_chunk(b"IDAT", data), *_chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    return struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
