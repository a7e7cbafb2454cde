"""Lines as one: with a space between them where the script has spaces."""

from __future__ import annotations

import re

_NO_SPACE = re.compile(
    "[\u2e80-\u312f\u31a0-\ua4cf\uf900-\ufaff\uff00-\uffef\U0001b000-\U0001b2ff\U00020000-\U0003ffff]"
)
"""Chinese and Japanese."""
_BROKEN_ANYWHERE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Burmese, Khmer: printed lines end between any two words, typed ones at spaces between phrases."""


def spaced(before: str, after: str, printed: bool = False) -> bool:
    """Whether a space belongs between two pieces of text that stood on two lines. printed: not typed."""
    if not (before and after):
        return True
    if _NO_SPACE.match(before[-1]) and _NO_SPACE.match(after[0]):
        return False
    return not (printed and _BROKEN_ANYWHERE.match(before[-1]) and _BROKEN_ANYWHERE.match(after[0]))


def join(rows: list[str], printed: bool = False) -> str:
    """Lines of one paragraph as one."""
    if len(rows) == 1:
        return rows[0]
    text = " ".join(rows)
    if text.isascii():
        return text
    joined = rows[0]
    for row in rows[1:]:
        joined += f" {row}" if spaced(joined, row, printed) else row
    return joined
