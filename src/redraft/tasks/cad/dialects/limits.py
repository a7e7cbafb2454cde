"""Caps on texts, and the place that a refusal names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redraft.core.errors import Refusal

MAX_TEXT = 1_000_000
"""Bytes of a program text in any dialect but JSON."""
MAX_JSON = 16_000_000
"""Bytes of a DeepCAD JSON, which spends about 500 on a curve."""
MAX_NODES = 300_000
"""Nodes of a syntax tree."""
MAX_DEPTH = 80
"""Levels of a syntax tree, a method chain counted as one; the readers recurse up to 7 calls a level."""
MAX_CHAIN = 400
"""Calls in one method chain."""
MAX_COPIES = 2_000
"""Places of one pattern (pushPoints, rarray, Locations)."""


def checked_text(text: str | bytes, limit: int, where: str) -> str:
    """The text decoded, within its cap and without null characters."""
    if len(text) > limit:
        raise Refusal(
            f"a text of {len(text):,} bytes, beyond {limit:,}",
            where=where,
            remedy="Give the program of one part",
            code="limit",
        )
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Refusal("not a text in UTF-8", where=where, remedy="Save the program as UTF-8 text") from None
    if "\0" in text:
        raise Refusal("a null character in the text", where=where, remedy="Give a plain text file")
    return text.removeprefix("\ufeff")


@contextmanager
def located(where: str) -> Iterator[None]:
    """Puts the place in front of whatever place a Refusal names."""
    try:
        yield
    except Refusal as refusal:
        if not where or refusal.where.startswith(where):
            raise
        joined = f"{where}, {refusal.where}" if refusal.where else where
        raise Refusal(refusal.what, where=joined, remedy=refusal.remedy, code=refusal.code) from None
