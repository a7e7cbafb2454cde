"""When two documents are the same: their words decide, not how they are spaced, cut into lines, or drawn."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

from redraft.core.example import Example, Image


def document_key(example: Example) -> str:
    """32 hexadecimal digits. Of a document with a text they are the text's; of pictures alone, the pictures'.

    The summary does not count: a document that is trained on must not come back in a test with another summary.
    """
    text = str(example.truth.get("text") or "")
    return text_key(text) if text.strip() else pictures_key(example.images)


def text_key(text: str) -> str:
    """Of the words in form NFC and lower case; spaces and line breaks between them do not count."""
    digest = hashlib.blake2b(digest_size=16)
    for word in unicodedata.normalize("NFC", text).casefold().split():
        digest.update(word.encode("utf-8", "surrogatepass") + b" ")
    return digest.hexdigest()


def pictures_key(images: Sequence[Image]) -> str:
    """Of the pictures' files, in their order."""
    digest = hashlib.blake2b(b"pictures", digest_size=16)
    for image in images:
        digest.update(len(image.bytes).to_bytes(8, "little") + image.bytes)
    return digest.hexdigest()
