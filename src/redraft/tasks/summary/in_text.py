"""An example with its document as text in the prompt: what the same model makes of it without pictures."""

from __future__ import annotations

from dataclasses import replace

from redraft.core.errors import InputError
from redraft.core.example import Example, Message, message
from redraft.tasks.summary.documents.read import parse
from redraft.tasks.summary.options import INSTRUCTION

TEXT_INSTRUCTION = "Summarize the document above."
"""In place of the default instruction, which speaks of pages."""


def as_text(example: Example, characters: int | None = None) -> Example:
    """The document's text in place of the pages, then the instruction; at most so many characters of it.

    The text is what its pages show: parsed, without markup. It is cut behind a word where one ends near. An
    example whose text is not known is an InputError.
    """
    truth = example.truth
    text = str(truth.get("text") or "")
    if not text.strip():
        raise InputError(
            "this document is known as pictures alone, so it cannot be given as text",
            where=example.id,
            remedy="Leave out --text, or evaluate on documents with their text",
        )
    shown = parse(text, str(truth.get("format", "text")), str(truth.get("title") or "")).text
    messages = tuple(
        _in_text(turn, cut(shown, characters)) if turn.image_count else turn for turn in example.messages
    )
    return replace(example, images=(), messages=messages)


def cut(text: str, characters: int | None) -> str:
    """At most so many characters, up to the last white space where that costs less than a twentieth."""
    if characters is None or len(text) <= characters:
        return text
    kept = text[: max(0, characters)]
    end = len(kept) if text[len(kept) : len(kept) + 1].isspace() else max(kept.rfind(" "), kept.rfind("\n"))
    return kept[:end].rstrip() if end > 0.95 * len(kept) else kept


def _in_text(turn: Message, text: str) -> Message:
    asked = turn.text.strip()
    return message(turn.role, f"{text}\n\n{TEXT_INSTRUCTION if asked == INSTRUCTION else asked}")
