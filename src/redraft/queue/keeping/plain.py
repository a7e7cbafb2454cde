"""Data that every database keeps: what work says may hold what JSON or PostgreSQL does not know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

LONGEST = 100_000
"""Characters of one text that are kept."""


def plain(data: Any) -> Any:
    """The same data as JSON that any reader takes: a figure that is no number becomes null, characters that are
    none (NUL, half of a pair) become U+FFFD, and a text that is too long is cut, and says so."""
    if isinstance(data, str):
        return _text(data)
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {_text(str(key)): plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    return data


def _text(text: str) -> str:
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} ... and {len(text) - LONGEST:,} characters more"
    if text.isprintable():
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
