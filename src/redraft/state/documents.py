"""JSON documents as columns keep them: so that each database takes them and each reader can read them.

Python's own JSON may hold NaN, which PostgreSQL refuses, and halves of characters, at which readers fail.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticSerializationError, to_json


def as_text(value: Any) -> str:
    """The document as JSON. Numbers that are none (NaN, infinities) become null, half characters "?"."""
    try:
        return to_json(value, inf_nan_mode="null").decode()
    except PydanticSerializationError:
        return to_json(_whole(value), inf_nan_mode="null").decode()


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(item) for item in value]
    return value
