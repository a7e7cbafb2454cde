"""Writes the table of keys in docs/recipes.md from the recipe's own definition. `--check` only compares."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import types
import typing
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from redraft.core import recipe

PAGE = Path(__file__).parents[1] / "docs" / "recipes.md"
MARK = "<!-- keys -->"


def rows(section: type[BaseModel], prefix: str = "") -> list[str]:
    """A line of the table for every key of a section and of those inside it."""
    notes = _docstrings(section)
    found = []
    for name, field in section.model_fields.items():
        inner = _section(field.annotation)
        if inner is not None:
            said = notes.get(name, "")
            if said:
                found.append(f"| `{prefix}{name}` | {_default(field.default)} | {said} |")
            found += rows(inner, f"{prefix}{name}.")
        else:
            found.append(f"| `{prefix}{name}` | {_default(field.default)} | {notes.get(name, '')} |")
    return found


def page() -> str:
    """The page's text with a fresh table behind the mark."""
    head = PAGE.read_text(encoding="utf-8").split(MARK)[0].rstrip()
    table = "\n".join(["| key | default | what |", "|---|---|---|", *rows(recipe.Recipe)])
    return f"{head}\n\n{MARK}\n\n{table}\n"


def _docstrings(section: type[BaseModel]) -> dict[str, str]:
    """The string below each field in the source."""
    tree = ast.parse(inspect.getsource(section)).body[0]
    assert isinstance(tree, ast.ClassDef)
    notes: dict[str, str] = {}
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            notes[before.target.id] = re.sub(r"\s+", " ", str(after.value.value)).strip().replace("|", "\\|")
    return notes


def _section(annotation: object) -> type[BaseModel] | None:
    options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    for option in options:
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, BaseModel):
        return ""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value != {} else "none"


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv:
        sys.exit(
            0 if text == PAGE.read_text(encoding="utf-8") else "docs/recipes.md is old: run this without --check"
        )
    PAGE.write_text(text, encoding="utf-8")
