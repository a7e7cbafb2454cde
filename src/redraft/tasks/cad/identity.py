"""A key that two parts share when their drawings are the same.

It is made of the drawn views, not of the history: a plate with a hole in its profile and a plate with the hole cut
afterwards have one key. A part and its enlargement have one key too: views are drawn to fill the picture, so both
look the same and have the same compact answer. Mirror images and turned copies differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from redraft.core.example import Image


def view_key(images: Sequence[Image]) -> str:
    """16 hexadecimal digits of the pictures' pixels; the scale that a PNG states does not count.

    Views are drawn and packed the same bit for bit, so equal pixels are equal bytes from the first data on. Of a
    picture that is no PNG the whole file counts.
    """
    digest = hashlib.sha256()
    for image in images:
        digest.update(image.bytes[max(0, image.bytes.find(b"IDAT")) :])
    return digest.hexdigest()[:16]
