"""Python-like texts as syntax trees under caps, and the values of their expressions. Nothing is ever executed.

The reader of a dialect hands in tables of what its names and calls mean; everything else is a Refusal with its
line. Names are dictionary keys; there is no attribute access on real objects, no import, no format.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.dialects.limits import MAX_CHAIN, MAX_DEPTH, MAX_NODES, MAX_TEXT, checked_text

MAX_BRACKETS = 150
_RUN = re.compile(r"(?:[-+~]\s*){200}|(?:not\s+){200}|(?:await\s+){50}|(?:lambda\s*:\s*){50}")

CONSTANTS = {("math", "pi"): math.pi, ("np", "pi"): math.pi, ("numpy", "pi"): math.pi, ("math", "tau"): math.tau}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "atan": math.atan,
    "atan2": math.atan2,
    "hypot": math.hypot,
    "radians": math.radians,
    "degrees": math.degrees,
}
"""What `math.` and `np.` may be asked for, and bare names after `from math import`."""
MATHS = ("math", "np", "numpy")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a chain: the name after the dot (or the bare name), its arguments, its place."""

    name: str
    args: tuple[Any, ...]
    keywords: Mapping[str, Any]
    node: ast.AST


@dataclass
class Source:
    """A parsed text: its tree, and the place that refusals name."""

    tree: ast.Module
    where: str
    names: dict[str, Any] = field(default_factory=dict)

    def place(self, node: ast.AST) -> str:
        line = f"line {getattr(node, 'lineno', 1)}"
        return f"{self.where}, {line}" if self.where else line

    def refusal(self, node: ast.AST, what: str, remedy: str, code: str = "refused") -> Refusal:
        """What to raise about a node."""
        return Refusal(what, where=self.place(node), remedy=remedy, code=code)

    @contextmanager
    def at(self, node: ast.AST) -> Iterator[None]:
        """Gives refusals that name no place the node's line, and numbers beyond all measure a refusal."""
        try:
            yield
        except Refusal as refusal:
            if refusal.where:
                raise
            raise Refusal(refusal.what, where=self.place(node), remedy=refusal.remedy, code=refusal.code) from None
        except (ArithmeticError, ValueError) as error:
            raise self.refusal(
                node, f"a number that cannot be computed ({error})", "Write numbers of mm", "parse"
            ) from None

    def number(self, node: ast.expr) -> float:
        """The value of arithmetic on numbers, names of numbers and a few functions."""
        value = self.value(node)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refusal(node, "something else where a number belongs", "Write a number in millimetres")
        return value

    def value(self, node: ast.expr) -> Any:
        """A number, text, truth value, None or tuple of these; names give what was assigned to them."""
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            if node.id in self.names:
                return self.names[node.id]
            raise self.refusal(node, f"the name '{node.id}' has no value", "Assign it before it is used")
        if isinstance(node, ast.List | ast.Tuple):
            return tuple(self.value(element) for element in node.elts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            number = self.number(node.operand)
            return -number if isinstance(node.op, ast.USub) else number
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            key = (node.value.id, node.attr)
            if key in CONSTANTS:
                return CONSTANTS[key]
        if isinstance(node, ast.Call) and (function := self._function(node.func)) is not None:
            values = [float(self.number(argument)) for argument in node.args]
            if node.keywords or not 1 <= len(values) <= 2:
                raise self.refusal(node, "a function with such arguments", "Give it one or two numbers")
            with self.at(node):
                try:
                    return function(*values)
                except TypeError:
                    raise self.refusal(
                        node, "a function with such arguments", "Give it the numbers it takes"
                    ) from None
        raise self.refusal(node, f"the expression '{shorten(node)}'", "Use numbers, names and + - * / of them")

    def _constant(self, node: ast.Constant) -> Any:
        value = node.value
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int | float):
            with self.at(node):
                number = float(value)
            if not math.isfinite(number):
                raise self.refusal(node, "a number that is not finite", "Write a number in millimetres", "parse")
            return value if abs(number) < 1e15 else number
        raise self.refusal(node, f"the constant {str(value)[:30]!r}", "Use numbers and plain texts")

    def _arithmetic(self, node: ast.BinOp) -> float:
        left, right = self.number(node.left), self.number(node.right)
        with self.at(node):
            if isinstance(node.op, ast.Add):
                return left + right
            if isinstance(node.op, ast.Sub):
                return left - right
            if isinstance(node.op, ast.Mult):
                return float(left) * float(right)
            if isinstance(node.op, ast.Div):
                return float(left) / float(right)
            if isinstance(node.op, ast.FloorDiv):
                return float(left) // float(right)
            if isinstance(node.op, ast.Mod):
                return float(left) % float(right)
            if isinstance(node.op, ast.Pow):
                power: Any = float(left) ** float(right)
                if isinstance(power, complex):
                    raise self.refusal(node, "a root of a negative number", "Use numbers of millimetres", "parse")
                return float(power)
        raise self.refusal(node, f"the operator in '{shorten(node)}'", "Use + - * / // % **")

    def _function(self, node: ast.expr) -> Callable[..., float] | None:
        if isinstance(node, ast.Name) and node.id not in self.names:
            return FUNCTIONS.get(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in MATHS:
            return FUNCTIONS.get(node.attr)
        return None

    def chain(self, node: ast.expr) -> tuple[ast.expr, list[tuple[str, ast.Call | ast.Attribute]]]:
        """Takes `root.a(...).b.c(...)` apart: the root and the links in order, without recursion."""
        links: list[tuple[str, ast.Call | ast.Attribute]] = []
        while True:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                links.append((node.func.attr, node))
                node = node.func.value
            elif isinstance(node, ast.Attribute):
                links.append((node.attr, node))
                node = node.value
            else:
                break
        if len(links) > MAX_CHAIN:
            raise self.refusal(
                node, f"a chain of {len(links)} calls", "Break it by assigning a part to a name", "limit"
            )
        return node, links[::-1]


def parse(text: str | bytes, where: str = "") -> Source:
    """The syntax tree of a text within the caps of `limits`. Whatever Python's parser refuses is a Refusal."""
    source = checked_text(text, MAX_TEXT, where)
    _shallow(source, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        line = f"line {error.lineno}" if error.lineno else ""
        place = ", ".join(part for part in (where, line) if part)
        raise Refusal(f"not Python's syntax ({error.msg})", where=place, remedy="Correct this line") from None
    except (RecursionError, MemoryError, ValueError, OverflowError):
        raise _too_deep(where) from None
    _capped(tree, where)
    return Source(tree, where)


def _too_deep(where: str) -> Refusal:
    return Refusal(
        "expressions nested too deeply", where=where, remedy="Break them by assigning parts to names", code="limit"
    )


def _shallow(text: str, where: str) -> None:
    """Refuses deep nesting before Python's own parser, whose stack is not ours, sees it."""
    depth = 0
    for match in re.finditer(r"[()\[\]{}]", text):
        depth = depth + 1 if match[0] in "([{" else max(0, depth - 1)
        if depth > MAX_BRACKETS:
            raise _too_deep(f"{where}, line {text.count(chr(10), 0, match.start()) + 1}".removeprefix(", "))
    if _RUN.search(text):
        raise _too_deep(where)


def _capped(tree: ast.Module, where: str) -> None:
    """Counts nodes and levels without recursion; a method chain is one level, since it is read in a loop."""
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    count = 0
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > MAX_NODES:
            raise Refusal(
                f"a text of more than {MAX_NODES:,} syntax nodes",
                where=where,
                remedy="Give the program of one part",
                code="limit",
            )
        if depth > MAX_DEPTH:
            raise _too_deep(where)
        linked = (
            node.func if isinstance(node, ast.Call) else node.value if isinstance(node, ast.Attribute) else None
        )
        for child in ast.iter_child_nodes(node):
            waiting.append((child, depth if child is linked else depth + 1))


def shorten(node: ast.AST) -> str:
    """The node's text for a message, never long, never recursive beyond reason."""
    try:
        text = " ".join(ast.unparse(node).split())
    except (RecursionError, ValueError):
        return type(node).__name__
    return text if len(text) <= 60 else text[:57] + "..."
