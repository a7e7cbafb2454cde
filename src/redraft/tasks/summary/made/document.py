"""A made document before it becomes an example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Made:
    """text: Markdown. facts: the slots of its kind and what they hold in this document."""

    text: str
    summary: str
    title: str
    language: str
    kind: str
    facts: Mapping[str, str]
