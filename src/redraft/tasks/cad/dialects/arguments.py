"""Matches the arguments of a call with the parameters that a dialect gives it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.limits import MAX_COPIES
from redraft.tasks.cad.dialects.syntax import Source
from redraft.tasks.cad.program.types import Vec2


def bind(source: Source, node: ast.Call, signature: str, value: Callable[[ast.expr], Any]) -> dict[str, Any]:
    """Values by parameter name.

    signature: names in order, separated by spaces; one that ends with "?" may be left out. Stars, unknown,
    doubled and missing arguments are refused.
    """
    names = [name.rstrip("?") for name in signature.split()]
    needed = [name for name in signature.split() if not name.endswith("?")]
    what = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "the call")
    if len(node.args) > len(names):
        raise source.refusal(node, f"{what} with {len(node.args)} arguments", f"It takes {signature or 'none'}")
    found: dict[str, Any] = {}
    for name, argument in zip(names, node.args, strict=False):
        if isinstance(argument, ast.Starred):
            raise source.refusal(argument, f"a star in {what}", "Write its arguments out")
        found[name] = value(argument)
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg not in names or keyword.arg in found:
            given = f"'{keyword.arg}'" if keyword.arg else "a double star"
            raise source.refusal(
                node, f"{what} with {given}", f"It takes {signature.replace('?', '') or 'no argument'}"
            )
        found[keyword.arg] = value(keyword.value)
    missing = [name for name in needed if name not in found]
    if missing:
        raise source.refusal(node, f"{what} without {missing[0]}", f"It takes {signature.replace('?', '')}")
    return found


class Arguments:
    """The values of a call, asked for by kind."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def number(self, name: str, default: float | None = None) -> float:
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refusal(f"{name} is no number", remedy="Write a number in millimetres", code="refused")
        return float(value)

    def count(self, name: str) -> int:
        value = self.number(name)
        if value != int(value) or not 1 <= value <= MAX_COPIES:
            raise Refusal(f"{name} of {value:g}", remedy=f"Write a whole number up to {MAX_COPIES}", code="limit")
        return int(value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise Refusal(f"{name} is neither True nor False", remedy="Write True or False", code="refused")
        return value

    def point(self, name: str, size: int = 2) -> Any:
        return _point(self.values.get(name), size, name)

    def points(self, name: str) -> list[Vec2]:
        value = self.values.get(name)
        if not isinstance(value, tuple):
            raise Refusal(f"{name} is no list of points", remedy="Write [(x, y), ...]", code="refused")
        return [_point(item, 2, name) for item in value]

    def centred(self, size: int) -> tuple[bool, ...]:
        value = self.values.get("centered", True)
        flags = value if isinstance(value, tuple) else (value,) * size
        if len(flags) != size or not all(isinstance(flag, bool) for flag in flags):
            raise Refusal("centered is neither True nor False", remedy="Write True or False", code="refused")
        return flags

    def never(self, *names: str) -> None:
        """Refuses options that would make something else of the call."""
        for name in names:
            if self.values.get(name) not in (None, False, 0):
                raise Refusal(f"the option {name}", remedy=f"Leave {name} out", code="refused")


def _point(value: Any, size: int, name: str) -> Any:
    if not isinstance(value, tuple) or not (
        len(value) == size or (size == 2 and len(value) == 3 and value[2] == 0)
    ):
        raise Refusal(f"{name} is no point of {size} numbers", remedy="Write (x, y)", code="refused")
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
        raise Refusal(f"{name} holds something else than numbers", remedy="Write numbers", code="refused")
    return tuple(float(v) for v in value[:size])
