"""Parquet folders that others wrote: which files are which split, and rows to examples through a column mapping.

Splits are told by the usual words in file and folder names (train, validation, valid, val, dev, test), as the
Hugging Face hub does it; a file with none of them is train.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redraft.core.columns import split_word
from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example, Image, Message
from redraft.datasets.placeholders import message_of, with_places

OURS = ("id", "images", "image", "messages", "question", "answer", "truth", "seed")
"""What a mapping may name: either messages, or question and answer; images or one image; the rest is optional."""
ANSWER = "answer"
"""The only key of a truth that stands for none (see `answer_alone`)."""
CONVERSATION = ("messages", "question", "answer")


def split_of(path: Path) -> str:
    """The split that a relative path names; its file name counts more than its folders."""
    for name in (path.name, *(parent.name for parent in path.parents)):
        if word := split_word(name):
            return word
    return "train"


def find_shards(folder: Path) -> dict[str, list[Path]]:
    """The Parquet files below a folder by split, in the order of their names; hidden ones are passed over."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        relative = path.relative_to(folder)
        if not any(part.startswith(".") for part in relative.parts):
            found.setdefault(split_of(relative), []).append(path)
    return {s: found[s] for s in ("train", "validation", "test") if s in found}


class Columns:
    """How a row's columns are read. mapping: our column to theirs; columns that are named like ours need none."""

    def __init__(self, mapping: Mapping[str, str], present: tuple[str, ...], where: str) -> None:
        for ours, theirs in mapping.items():
            if ours not in OURS:
                raise UsageError(f"there is no column '{ours}' to map", remedy=f"Choose one of: {', '.join(OURS)}")
            if theirs not in present:
                raise InputError(
                    f"there is no column '{theirs}'", where=where, remedy=f"It has: {', '.join(present)}"
                )
        self.names = {ours: mapping.get(ours, ours) for ours in OURS if mapping.get(ours, ours) in present}
        self.whole = {"messages"} <= set(self.names) or {"question", "answer"} <= set(self.names)
        if not self.whole:
            raise InputError(
                f"the columns ({', '.join(present)}) do not hold a conversation",
                where=where,
                remedy="Name them: columns messages=..., or question=... and answer=..., and images=...",
            )

    @property
    def needed(self) -> tuple[str, ...]:
        """Their columns that are read."""
        return tuple(dict.fromkeys(self.names.values()))

    def example(self, row: Mapping[str, Any], split: str, index: int, where: str) -> Example:
        """The row as an example; without an id of its own, split and index name it. A misfit is an InputError."""
        try:
            images = self._images(row)
            messages = with_places(self._messages(row), len(images))
            given = self._get(row, "id")
            return Example(
                id=f"{split}-{index:08d}" if given is None else str(given),
                images=images,
                messages=messages,
                truth=_truth(self._get(row, "truth"), messages),
                seed=int(self._get(row, "seed") or 0),
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InputError(
                f"this row does not fit ({type(error).__name__}: {error})",
                where=where,
                remedy="Check the column mapping",
            ) from None

    def _get(self, row: Mapping[str, Any], name: str) -> Any:
        return row[self.names[name]] if name in self.names else None

    def _images(self, row: Mapping[str, Any]) -> tuple[Image, ...]:
        given = self._get(row, "images")
        if given is None:
            single = self._get(row, "image")
            given = [] if single is None else [single]
        elif isinstance(given, Mapping):
            given = [given]
        return tuple(_image(image, index) for index, image in enumerate(given))

    def _messages(self, row: Mapping[str, Any]) -> tuple[Message, ...]:
        given = self._get(row, "messages")
        if given is None:
            question, answer = self._get(row, "question"), self._get(row, "answer")
            if not isinstance(question, str) or not isinstance(answer, str):
                raise ValueError("question and answer are not both text")
            return (message_of("user", question), message_of("assistant", answer))
        return tuple(message_of(m.get("role", m.get("from")), m.get("content", m.get("value"))) for m in given)


def _image(given: Any, index: int) -> Image:
    if isinstance(given, bytes):
        return Image(f"{index}", given)
    return Image(Path(given.get("path") or f"{index}").name, given.get("bytes") or b"")


def answer_alone(messages: tuple[Message, ...]) -> dict[str, Any]:
    """What stands for the truth of a conversation that came without one."""
    return {ANSWER: messages[-1].text if messages and messages[-1].role == "assistant" else ""}


def _truth(given: Any, messages: tuple[Message, ...]) -> dict[str, Any]:
    if given is None:
        return answer_alone(messages)
    truth = json.loads(given) if isinstance(given, str) else given
    if not isinstance(truth, dict):
        raise ValueError("the truth is no object")
    return truth
