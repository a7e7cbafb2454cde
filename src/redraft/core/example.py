"""One example: pictures, a conversation that asks about them and answers, and the truth behind the answer.

The same type travels from a task through a dataset to a model. Nothing here knows a task or a library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Image:
    """An encoded picture file. path is its name inside the example ("front.png"); bytes are the PNG or JPEG."""

    path: str
    bytes: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message: the place of the next image, or text."""

    type: Literal["image", "text"]
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation. The n-th image part of all messages stands for the n-th image."""

    role: Role
    content: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(part.text or "" for part in self.content if part.type == "text")

    @property
    def image_count(self) -> int:
        return sum(part.type == "image" for part in self.content)

    def as_data(self) -> dict[str, Any]:
        """The role/content form that chat templates and Parquet rows use."""
        return {"role": self.role, "content": [{"type": p.type, "text": p.text} for p in self.content]}


def message(role: Role, text: str = "", images: int = 0) -> Message:
    """A message of so many image places followed by text."""
    parts = [Part("image") for _ in range(images)]
    if text:
        parts.append(Part("text", text))
    return Message(role, tuple(parts))


def message_from_data(data: Mapping[str, Any]) -> Message:
    """Reads `Message.as_data` back; plain string content is accepted as one text part."""
    content = data["content"]
    if isinstance(content, str):
        return Message(data["role"], (Part("text", content),))
    return Message(data["role"], tuple(Part(p["type"], p.get("text")) for p in content))


@dataclass(frozen=True, slots=True)
class Example:
    """What a model is shown and what it should answer.

    id: unique in its dataset. images: in the order of their places in messages (empty where a dataset keeps
    none and they have not been drawn). messages: ends with the assistant's answer. truth: JSON data from which
    the task draws and scores. seed: decides every random choice of its drawing.
    """

    id: str
    images: tuple[Image, ...]
    messages: tuple[Message, ...]
    truth: Mapping[str, Any]
    seed: int = 0

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The conversation up to the answer."""
        return self.messages[:-1] if self.messages and self.messages[-1].role == "assistant" else self.messages

    @property
    def answer(self) -> str:
        """The text that the model should write; empty where there is none."""
        return self.messages[-1].text if self.messages and self.messages[-1].role == "assistant" else ""

    def with_images(self, images: tuple[Image, ...]) -> Example:
        return replace(self, images=images)
