"""Reads files that others may have written: whole JSON and YAML or one sentence, never more than fits."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from redraft.core.errors import InputError

CARD = "README.md"
LARGEST = 64 * 2**20
"""Bytes of a JSON or YAML file that is read; the manifest of a dataset of a million examples has some 1 MB."""


@dataclass(frozen=True)
class Found:
    """kind: dataset, run or model. columns: of its row, as far as its files tell. checkpoints, evaluations:
    columns of the rows that belong to a run. fingerprint: of the dataset that a run was trained on."""

    kind: str
    folder: Path
    columns: dict[str, Any]
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    fingerprint: str | None = None


@dataclass(frozen=True)
class Fault:
    """A folder that looks like one of ours and cannot be read."""

    folder: Path
    reason: str


def read_json(path: Path) -> dict[str, Any]:
    """InputError where it is no JSON object."""
    try:
        data = json.loads(_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from None
    if not isinstance(data, dict):
        raise InputError(f"its {path.name} holds no object", where=str(path))
    return data


def read_yaml(path: Path) -> dict[str, Any]:
    """InputError where it is no mapping. Dates and the like become text: rows hold plain data."""
    try:
        data = yaml.safe_load(_text(path))
        plain: Any = json.loads(json.dumps(data, default=str, allow_nan=False))
    except (OSError, ValueError, TypeError, yaml.YAMLError, RecursionError) as error:
        raise _unreadable(path, error) from None
    if not isinstance(plain, dict):
        raise InputError(f"its {path.name} holds no keys", where=str(path))
    return plain


def card_head(folder: Path) -> dict[str, Any]:
    """The YAML head of a folder's card (README.md); empty where there is none that can be read."""
    try:
        with (folder / CARD).open(encoding="utf-8") as file:
            text = file.read(100_000)
        head = re.match(r"---\n(.*?)\n---\n", text, re.S)
        data = yaml.safe_load(head[1]) if head else None
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def label(folder: Path, fallback: str = "") -> str:
    """A name for people: the folder's own, with its parent's where it is a usual one such as "run"; `fallback`
    where the folder is named by an id."""
    if re.fullmatch(r"[a-z]+-[0-9a-z]{26}", folder.name):
        return (fallback or folder.name)[:200]
    usual = ("run", "model", "data", "dataset", "pages", "documents", "parts", "out")
    return (f"{folder.parent.name}/{folder.name}" if folder.name in usual else folder.name)[-200:]


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST:
        raise InputError(f"its {path.name} is larger than {LARGEST // 2**20} MB", where=str(path))
    return path.read_text(encoding="utf-8")


def _unreadable(path: Path, error: Exception) -> InputError:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(f"its {path.name} cannot be read ({first})", where=str(path))
