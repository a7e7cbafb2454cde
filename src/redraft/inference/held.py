"""Examples held in memory for a whole evaluation, with their pictures packed.

Pages that a dataset does not keep are drawn as stored PNG files, a megabyte each, since packing costs more than
drawing where a picture is read once. An evaluation reads it several times and holds it all the while.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

from redraft.core.example import Example, Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
STORED = 0.95
"""From this part of its own pixels on a picture counts as not packed."""
WORTH = 0.9
"""Of the stored size; more is not worth another file."""
SMALLEST = 65_536
"""Bytes of a picture that is worth it."""


def held(examples: Iterable[Example]) -> Iterator[Example]:
    """The examples one by one, stored PNG files among their images packed: the same pixels and other chunks."""
    for example in examples:
        yield example.with_images(tuple(Image(image.path, packed(image.bytes)) for image in example.images))


def packed(data: bytes) -> bytes:
    """A PNG file whose pixels are only stored, packed at zlib's fastest level; any other data as it is."""
    if len(data) < SMALLEST or not data.startswith(SIGNATURE):
        return data
    before: list[bytes] = []
    pixels: list[bytes] = []
    after: list[bytes] = []
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if kind == b"IDAT":
            pixels.append(data[at + 8 : end - 4])
        else:
            (after if pixels else before).append(data[at:end])
        at = end
    size = sum(map(len, pixels))
    if at != len(data) or not pixels or not after[-1:] or b"IEND" not in after[-1]:
        return data
    reader = zlib.decompressobj()
    try:
        raw = reader.decompress(b"".join(pixels), int(size / STORED))
    except zlib.error:
        return data
    if not reader.eof or reader.unused_data:
        return data
    body = zlib.compress(raw, 1)
    if len(body) > WORTH * size:
        return data
    chunk = struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
    return b"".join([SIGNATURE, *before, chunk, *after])
