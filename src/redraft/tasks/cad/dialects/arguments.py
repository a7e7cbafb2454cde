"""Matches the arguments of a call with the parameters that a dialect gives it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from redraft.tasks.cad.dialects.syntax import Source, shorten


def bind(source: Source, node: ast.Call, signature: str, value: Callable[[ast.expr], Any]) -> dict[str, Any]:
    """Values by parameter name.

    signature: names in order, separated by spaces; one that ends with "?" may be left out. Stars, unknown,
    doubled and missing arguments are refused.
    """
    names = [name.rstrip("?") for name in signature.split()]
    needed = [name for name in signature.split() if not name.endswith("?")]
    what = shorten(node.func)
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
