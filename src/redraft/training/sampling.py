"""Which examples of a large split to look at, so that the longest are among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from redraft.core.example import Example

LOOK = 256
"""Examples that are encoded; the whole split where it is no larger."""
READ = 20_000
"""Examples whose texts are read to find the longest; more are taken evenly."""


@runtime_checkable
class Readable(Protocol):
    """A split as `datasets.reader` opens it."""

    def __len__(self) -> int: ...

    def example(self, index: int, draw: bool = True) -> Example: ...

    def iterate(self, draw: bool = True) -> Iterator[Example]: ...


def sample(split: Readable, look: int = LOOK, told: Callable[[int, int], None] | None = None) -> list[int]:
    """Indices in order: half of them with the longest texts, a quarter with most pictures, the rest evenly.

    Pictures are not drawn for this. told: of examples read and their number.
    """
    count = len(split)
    if count <= look:
        return list(range(count))
    read = range(count) if count <= READ else [i * count // READ for i in range(READ)]
    found: list[tuple[int, int, int]] = []
    every = split.iterate(draw=False) if count <= READ else (split.example(i, draw=False) for i in read)
    for index, example in zip(read, every, strict=True):
        characters = sum(len(message.text) for message in example.messages)
        pictures = sum(message.image_count for message in example.messages)
        found.append((index, characters, pictures))
        if told is not None and len(found) % 500 == 0:
            told(len(found), len(read))
    longest = [i for i, *_ in sorted(found, key=lambda f: (-f[1], f[0]))[: look // 2]]
    fullest = [i for i, *_ in sorted(found, key=lambda f: (-f[2], -f[1], f[0]))[: look // 4]]
    evenly = [i * count // (look // 4) for i in range(look // 4)]
    return sorted({*longest, *fullest, *evenly})
