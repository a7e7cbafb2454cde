"""Whether data that somebody gave can be kept in a row of either database, and shown again as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from redraft.core.errors import UsageError

DEEPEST = 32
"""Levels of mappings and lists in a payload."""


def refuse_unkeepable(data: Any, where: str = "", depth: int = 0) -> None:
    """A UsageError for a text with a NUL or half a character (a lone surrogate), a number that is none, and data
    within data without end."""
    if depth > DEEPEST:
        raise _error(f"this has more than {DEEPEST} levels", where, "Give what the kind of job takes")
    if isinstance(data, Mapping):
        for key, value in data.items():
            refuse_unkeepable(str(key), where, depth + 1)
            refuse_unkeepable(value, f"{where}.{key}" if where else str(key), depth + 1)
    elif isinstance(data, list | tuple):
        for value in data:
            refuse_unkeepable(value, where, depth + 1)
    elif isinstance(data, str):
        if "\0" in data or any("\ud800" <= letter <= "\udfff" for letter in data):
            raise _error("this text holds a character that cannot be kept", where, "Leave it out")
    elif isinstance(data, float) and not math.isfinite(data):
        raise _error("this number is none", where, "Give a finite one")


def _error(what: str, where: str, remedy: str) -> UsageError:
    place = where.replace("\0", "").encode("utf-8", "replace").decode()[:200]
    return UsageError(what, where=place, remedy=remedy)
