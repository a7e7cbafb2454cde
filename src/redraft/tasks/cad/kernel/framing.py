"""Messages between a pool and its worker processes: JSON data with bytes in it, one frame a message.

A frame is the header `!4sIQ` (magic b"RDK1", length of the JSON text, length of all blobs), the JSON text in
UTF-8, then the blobs one after the other. The text is {"data": ..., "blobs": [length, ...]}. In data,
{"$bytes": i} stands for blob i, {"$float": "nan" | "inf" | "-inf"} for a number that JSON does not have, and a
key of the sender's own that starts with "$" gets a second one.

Reading never runs anything that the sender chose (no pickle), never takes more than the caps, and allocates
only what has arrived. Whatever is not a frame is a `FrameError`.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from typing import Any

HEADER = struct.Struct("!4sIQ")
MAGIC = b"RDK1"
MAX_TEXT = 16 * 2**20
MAX_BLOBS = 512 * 2**20
"""Bytes. A program at its own caps has 3 MB of text; once read, text may take twenty times its size."""
CHUNK = 2**18
Receive = Callable[[int], bytes]
"""Gives 1 to n bytes, or b"" at the end of the stream."""


class FrameError(ValueError):
    """Bytes that are no frame, or data that does not fit into one."""


class Closed(FrameError):
    """The other side has closed the connection between two frames or within one."""


def encode(data: Any) -> bytes:
    """One frame. data: dict with text keys, list, tuple (becomes a list), str, int, float, bool, None, bytes."""
    blobs: list[bytes] = []
    try:
        packed = _pack(data, blobs)
        text = json.dumps({"data": packed, "blobs": [len(blob) for blob in blobs]}, allow_nan=False).encode()
    except RecursionError:
        raise FrameError("the data is nested too deep for a message") from None
    except UnicodeEncodeError:
        raise FrameError("the data holds text that is not Unicode") from None
    size = sum(len(blob) for blob in blobs)
    if len(text) > MAX_TEXT or size > MAX_BLOBS:
        raise FrameError(f"a message of {(len(text) + size) / 2**20:.0f} MB is beyond the cap")
    return b"".join([HEADER.pack(MAGIC, len(text), size), text, *blobs])


def read_frame(receive: Receive) -> Any:
    """The data of the next frame."""
    magic, text_size, blob_size = HEADER.unpack(_exactly(receive, HEADER.size))
    if magic != MAGIC:
        raise FrameError("the message does not start as a frame")
    if text_size > MAX_TEXT or blob_size > MAX_BLOBS:
        raise FrameError("the message is beyond the cap")
    text = _exactly(receive, text_size)
    return decode(text, _exactly(receive, blob_size))


def decode(text: bytes, blobs: bytes) -> Any:
    """The data of a frame's two parts."""
    try:
        envelope = json.loads(text)
        sizes = envelope["blobs"]
        if not isinstance(sizes, list) or any(type(n) is not int or n < 0 for n in sizes):
            raise FrameError("the message's blob lengths are no lengths")
        if sum(sizes) != len(blobs):
            raise FrameError("the message's blobs do not have the stated lengths")
        pieces, at = [], 0
        for size in sizes:
            pieces.append(blobs[at : at + size])
            at += size
        return _unpack(envelope["data"], pieces)
    except FrameError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise FrameError(f"the message cannot be read ({type(error).__name__})") from None


def _exactly(receive: Receive, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        piece = receive(min(CHUNK, size - len(got)))
        if not piece:
            raise Closed("the connection is closed")
        got += piece
    return bytes(got)


def _pack(value: Any, blobs: list[bytes]) -> Any:
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(float(value))}
    if isinstance(value, bytes | bytearray | memoryview):
        blobs.append(bytes(value))
        return {"$bytes": len(blobs) - 1}
    if isinstance(value, list | tuple):
        return [_pack(item, blobs) for item in value]
    if isinstance(value, dict):
        return {_key(key): _pack(item, blobs) for key, item in value.items()}
    raise FrameError(f"a value of type {type(value).__name__} is not data")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise FrameError(f"a key of type {type(key).__name__} is not text")
    return "$" + key if key.startswith("$") else key


def _unpack(value: Any, blobs: list[bytes]) -> Any:
    if isinstance(value, list):
        return [_unpack(item, blobs) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, item),) = value.items()
        if key == "$bytes":
            if type(item) is not int or not 0 <= item < len(blobs):
                raise FrameError("the message names a blob that it does not have")
            return blobs[item]
        if key == "$float":
            return float({"nan": "nan", "inf": "inf", "-inf": "-inf"}[item])
    return {key.removeprefix("$"): _unpack(item, blobs) for key, item in value.items()}
