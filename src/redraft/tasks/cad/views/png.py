"""PNG files of line drawings: written small and fast, with their scale.

The scale is the format's own physical pixel size, the chunk pHYs (PNG specification, third edition, 11.3.4.3):
pixels per unit along x and y, two unsigned 32-bit numbers, and the unit, 1 for the metre.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
STREAM = b"\x78\x9c"
"""The two bytes that open a zlib stream with a window of 32 KiB (RFC 1950, 2.2)."""
LEVEL = 6
"""zlib's level; of its nine, measured in docs/views.md, the last one before time grows fourfold."""


def encode_gray(image: NDArray[np.uint8], pixels_per_metre: int | None = None) -> bytes:
    """An 8-bit RGB PNG of a gray picture [H, W]: all three channels equal, no row filter.

    Line drawings are long runs of white, which need no filter to vanish in compression. The white bands above and
    below the part are the same in every picture and are compressed once in a process.
    """
    height, width = image.shape
    inked = np.flatnonzero((image != 255).any(axis=1))
    first, last = (int(inked[0]), int(inked[-1]) + 1) if len(inked) else (height, height)
    rows = np.zeros((last - first, 1 + 3 * width), np.uint8)
    rows[:, 1:].reshape(last - first, width, 3)[:] = image[first:last, :, None]
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -15, 9)
    middle = packer.compress(rows.data) + packer.flush(zlib.Z_FULL_FLUSH)
    data = STREAM + _white(first, width) + middle + _white(height - last, width, last=True)
    check = zlib.adler32(rows.data, zlib.adler32(_white_rows(first, width)))
    data += struct.pack(">I", zlib.adler32(_white_rows(height - last, width), check))
    chunks = [_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))]
    if pixels_per_metre is not None:
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", pixels_per_metre, pixels_per_metre, 1)))
    return SIGNATURE + b"".join([*chunks, _chunk(b"IDAT", data), _chunk(b"IEND", b"")])


@lru_cache(maxsize=4096)
def _white(count: int, width: int, *, last: bool = False) -> bytes:
    """A deflate block of white rows that looks at nothing before it; `last` ends the stream."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return packer.compress(_white_rows(count, width)) + packer.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


def _white_rows(count: int, width: int) -> bytes:
    return (b"\0" + b"\xff" * (3 * width)) * count


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
