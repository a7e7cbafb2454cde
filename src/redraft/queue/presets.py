"""The recipes that come with redraft, as data: in the package where it is installed, else in the repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from redraft.core.errors import NotFound

PRESETS = ("quick_test", "standard", "high_quality", "memory_efficient")
"""Recipes for any base and any task, as far as a person wants to decide anything."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """title: the first sentence of its comment. about: all of it, with the commands it names. recipe: as written;
    what it leaves out is at its default. preset: one of PRESETS."""

    name: str
    title: str
    about: str
    recipe: Mapping[str, Any]
    preset: bool


def folder() -> Path:
    """Where the recipes lie."""
    package = Path(__file__).parent.parent
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parent.parent / "recipes"


@cache
def shipped() -> Mapping[str, Shipped]:
    """All recipes by name, the presets first in their own order."""
    found = {path.stem: _read(path) for path in sorted(folder().glob("*.yaml"))}
    first = [name for name in PRESETS if name in found]
    return {name: found[name] for name in (*first, *(name for name in found if name not in PRESETS))}


def find_recipe(name: str) -> Shipped:
    """The recipe of that name; NotFound names the presets."""
    try:
        return shipped()[name]
    except KeyError:
        raise NotFound(
            f"there is no recipe '{name}'", where="preset", remedy=f"Choose one of: {', '.join(shipped())}"
        ) from None


def _read(path: Path) -> Shipped:
    text = path.read_text(encoding="utf-8")
    comment = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").removeprefix(" "))
    about = "\n".join(comment)
    prose = " ".join(line for line in comment if not line.startswith("  "))
    return Shipped(path.stem, _sentence(prose), about, yaml.safe_load(text), path.stem in PRESETS)


def _sentence(prose: str) -> str:
    """The first one: up to a full stop, question mark or colon before a space."""
    for place, letter in enumerate(prose):
        if letter in ".?:" and prose[place + 1 : place + 2] in ("", " "):
            return prose[: place + (letter != ":")]
    return prose
