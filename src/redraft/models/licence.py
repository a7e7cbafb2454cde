"""The licence in the head of a model's card."""

from __future__ import annotations

import re
from pathlib import Path


def licence_of(folder: Path) -> str | None:
    """The licence that README.md names in its YAML head; None where there is no card, head or licence."""
    card = folder / "README.md"
    try:
        text = card.read_text(encoding="utf-8")[:10_000] if card.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return None
    head = re.match(r"---\n(.*?)\n---\n", text, re.S)
    found = re.search(r"^licen[cs]e: *[\"']?([^\s\"']+)", head[1], re.M) if head else None
    return found[1] if found else None
