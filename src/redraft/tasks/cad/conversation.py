"""What a model is asked about a part, and the answer it should give.

The question is the same for every part of a dataset: what differs is in the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redraft.core.example import Message, message
from redraft.tasks.cad.answers import answer_text

VIEWS_ASKED = 3


def question(options: Mapping[str, Any]) -> Message:
    """The user's turn: three image places, then what they show and in what language to answer."""
    dialect = options["dialect"]
    language = f"compact lines on a grid of {options['grid']}" if dialect == "compact" else dialect
    text = f"Front, top and right view of one part, third angle. Write its history as {language}."
    return message("user", text, images=VIEWS_ASKED)


def conversation(truth: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[Message, ...]:
    """The question and the right answer."""
    return question(options), message("assistant", answer_text(truth, options))
