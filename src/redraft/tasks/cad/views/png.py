"""PNG files of line drawings: written small and fast, with their scale.

The scale is the format's own physical pixel size, the chunk pHYs (PNG specification, third edition, 11.3.4.3):
pixels per unit along x and y, two unsigned 32-bit numbers, and the unit, 1 for the metre.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
STREAM, END = b"\x78\x9c", b"\x03\x00"
"""What opens a zlib stream with a window of 32 KiB (RFC 1950, 2.2); and an empty last block (RFC 1951, 3.2.6)."""
LONG = 16
"""Rows of a stretch that are worth compressed blocks of their own, which cost about 60 bytes."""
LEVEL = 6
"""zlib's level; of its nine, measured in docs/views.md, the last one before time grows fourfold."""


def encode_gray(image: NDArray[np.uint8], pixels_per_metre: int | None = None) -> bytes:
    """An 8-bit RGB PNG of a gray picture [H, W]: all three channels equal."""
    height, width = image.shape
    chunks = [_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))]
    if pixels_per_metre is not None:
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", pixels_per_metre, pixels_per_metre, 1)))
    return SIGNATURE + b"".join([*chunks, _chunk(b"IDAT", _packed(image)), _chunk(b"IEND", b"")])


def _packed(image: NDArray[np.uint8]) -> bytes:
    """The picture's rows as a zlib stream.

    Of a line drawing most rows are equal to the row above. As differences from it (filter type 2, "up") they are
    zeros: the same bytes in every picture of the same width, compressed once in a process. zlib sees the rest,
    unfiltered.
    """
    width = image.shape[1]
    parts, check = [STREAM], 1
    for equal, first, last in _stretches(image):
        if equal:
            raw: bytes | memoryview = _up_rows(last - first, width)
            parts.append(_up(last - first, width))
        else:
            raw = _raw(image[first:last]).data
            parts.append(_compress(raw, LEVEL))
        check = zlib.adler32(raw, check)
    return b"".join([*parts, END, struct.pack(">I", check)])


def _stretches(image: NDArray[np.uint8]) -> list[tuple[bool, int, int]]:
    """Stretches that make up the picture: whether all rows equal the one above, the first row, and the end.

    Shorter than LONG are only those that are not equal.
    """
    equal = np.zeros(len(image), bool)
    equal[1:] = (image[1:] == image[:-1]).all(axis=1)
    edges = [0, *(np.flatnonzero(np.diff(equal)) + 1).tolist(), len(equal)]
    found: list[tuple[bool, int, int]] = []
    for first, last in pairwise(edges):
        whole = bool(equal[first]) and last - first >= LONG
        if found and not whole and not found[-1][0]:
            found[-1] = (False, found[-1][1], last)
        else:
            found.append((whole, first, last))
    return found


def _raw(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Rows [N, W] as PNG wants them, [N, 1 + 3 W]: filter type 0, then each gray level three times."""
    count, width = rows.shape
    raw = np.zeros((count, 1 + 3 * width), np.uint8)
    raw[:, 1:].reshape(count, width, 3)[:] = rows[:, :, None]
    return raw


def _compress(raw: bytes | memoryview, level: int) -> bytes:
    """Deflate blocks that end on a whole byte and look at nothing before them."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 9)
    return packer.compress(raw) + packer.flush(zlib.Z_SYNC_FLUSH)


@lru_cache(maxsize=4096)
def _up(count: int, width: int) -> bytes:
    return _compress(_up_rows(count, width), 9)


@lru_cache(maxsize=64)
def _up_rows(count: int, width: int) -> bytes:
    return (b"\2" + bytes(3 * width)) * count


def read_scale(data: bytes) -> float | None:
    """Millimetres per pixel as pHYs states it; None without the chunk, in another unit, or where x and y differ.

    Editors that know nothing of a picture's scale write the screen's or the printer's resolution here; whether
    to believe it is the caller's to say.
    """
    if not data.startswith(SIGNATURE):
        return None
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in (b"IDAT", b"IEND"):
            return None
        if kind == b"pHYs" and length == 9 and at + 21 <= len(data):
            x, y, unit = struct.unpack_from(">IIB", data, at + 8)
            return 1000 / x if unit == 1 and x == y and x > 0 else None
        at += 12 + length
    return None


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
