"""The words that documents are made of, read from YAML files beside this module, one a language."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
Slot = str | list[Any] | dict[str, int]
"""The name of one of the library's lists, a list of words, or a range of numbers {from, to, step}."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of document. Templates hold slots in braces; facts are a list of ways to say each fact."""

    name: str
    titles: list[str]
    slots: Mapping[str, Slot]
    facts: list[list[str]]
    summaries: list[str]
    rows: list[list[str]]
    """Facts as rows of a table, in the order of facts; empty where they are not shown so."""


@dataclass(frozen=True, slots=True)
class Library:
    """All words of one language. group: what stands between groups of three digits."""

    language: str
    group: str
    space: str
    """What stands between two sentences of a paragraph."""
    lists: Mapping[str, list[str]]
    fillers: list[str]
    words: Mapping[str, list[str]]
    """Headings, table heads and other furniture of the pages."""
    kinds: tuple[Kind, ...]

    def values(self, kind: Kind, rng: random.Random) -> dict[str, str]:
        """What the slots of one document hold; no word of the same list twice, no number twice."""
        chosen: dict[str, str] = {}
        for name, slot in kind.slots.items():
            for _ in range(100):
                value = self._value(slot, rng)
                if value not in chosen.values():
                    break
            chosen[name] = value
        return chosen

    def noise(self, rng: random.Random, facts: Mapping[str, str]) -> dict[str, str]:
        """Values for the slots of filler sentences, other ones than those of the document's facts."""
        told = set(facts.values())
        words = {
            name.removesuffix("s"): rng.choice([w for w in words if w not in told])
            for name, words in self.lists.items()
        }
        return {"n": rng.choice([str(n) for n in range(2, 100) if str(n) not in told]), **words}

    def _value(self, slot: Slot, rng: random.Random) -> str:
        if isinstance(slot, str):
            slot = self.lists[slot]
        if isinstance(slot, list):
            return str(rng.choice(slot))
        number = rng.randrange(slot["from"], slot["to"] + 1, slot.get("step", 1))
        return self.grouped(number) if number >= 10_000 else str(number)

    def grouped(self, number: int) -> str:
        return f"{number:,}".replace(",", self.group)


@cache
def library(name: str) -> Library:
    """The library of a file's name, such as "notices" or "en"."""
    data: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    kinds = tuple(
        Kind(key, k["titles"], k["slots"], k["facts"], k["summaries"], k.get("rows", []))
        for key, k in data["kinds"].items()
    )
    return Library(
        data["language"],
        data.get("group", ","),
        data.get("space", " "),
        data.get("lists", {}),
        data["fillers"],
        data.get("words", {}),
        kinds,
    )
