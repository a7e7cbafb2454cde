"""Lines as one: with a space between them where the script has spaces."""

from __future__ import annotations

import re

_NO_SPACE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\ua4cf\uf900-\ufaff\uff00-\uffef]"
)
"""Scripts that are written without spaces between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese."""


def spaced(before: str, after: str) -> bool:
    """Whether a space belongs between two pieces of text that stood on two lines."""
    return not (before and after and _NO_SPACE.match(before[-1]) and _NO_SPACE.match(after[0]))


def join(rows: list[str]) -> str:
    """Hard-wrapped lines as one."""
    if len(rows) == 1:
        return rows[0]
    text = " ".join(rows)
    if text.isascii():
        return text
    joined = rows[0]
    for row in rows[1:]:
        joined += f" {row}" if spaced(joined, row) else row
    return joined
