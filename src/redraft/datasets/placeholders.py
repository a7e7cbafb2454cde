"""Texts with `<image>` in them, as conversation formats write them, to messages and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from redraft.core.example import Message, Part, Role

PLACE = "<image>"
ROLES: dict[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
}


def parts(text: str) -> tuple[Part, ...]:
    """Text cut at its `<image>` marks; a line break that belongs to a mark goes with it, as its readers do it."""
    found: list[Part] = []
    pieces = text.split(PLACE)
    for index, piece in enumerate(pieces):
        if index:
            found.append(Part("image"))
            piece = piece.removeprefix("\n")
        if index < len(pieces) - 1:
            piece = piece.removesuffix("\n")
        if piece:
            found.append(Part("text", piece))
    return tuple(found)


def message_of(role: str, content: Any) -> Message:
    """A message from a role (any format's name of it) and its content: text with marks, or a list of parts.

    Raises ValueError or KeyError for anything else.
    """
    known = ROLES[role]
    if isinstance(content, str):
        return Message(known, parts(content))
    return Message(known, tuple(_part(part) for part in content))


def with_places(messages: Iterable[Message], images: int) -> tuple[Message, ...]:
    """Puts the places of all images before the first question where the messages name none at all."""
    messages = tuple(messages)
    if not images or any(m.image_count for m in messages):
        return messages
    first = next((i for i, m in enumerate(messages) if m.role == "user"), None)
    if first is None:
        return messages
    marked = Message("user", (*(Part("image") for _ in range(images)), *messages[first].content))
    return (*messages[:first], marked, *messages[first + 1 :])


def text_of(message: Message) -> str:
    """The message as one text, each image as a line `<image>`."""
    pieces: list[str] = []
    for part in message.content:
        if part.type == "image":
            pieces.append(f"{PLACE}\n")
        else:
            pieces.append(part.text or "")
    return "".join(pieces)


def _part(part: Mapping[str, Any]) -> Part:
    if part["type"] == "text":
        if not isinstance(part["text"], str):
            raise ValueError("a text part holds no text")
        return Part("text", part["text"])
    if part["type"] in ("image", "image_url"):
        return Part("image")
    raise ValueError(f"a part of type {part['type']!r} is neither text nor image")
