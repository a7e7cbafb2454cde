"""What a model is asked about a document's pages, and what it should answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redraft.core.example import Message, message


def question(options: Mapping[str, Any], pages: int) -> Message:
    """The user's turn: a place for each page, then the instruction."""
    return message("user", str(options["instruction"]), images=pages)


def conversation(summary: str, options: Mapping[str, Any], pages: int) -> tuple[Message, ...]:
    """The question and the summary."""
    return question(options, pages), message("assistant", summary)
