"""train_val_test_split.json: which part belongs to which split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError
from redraft.tasks.cad.imports.names import part_id, refuse_unsafe
from redraft.tasks.cad.imports.settings import SPLITS
from redraft.tasks.cad.sources import read_file

SPLIT_NAME = "train_val_test_split.json"
MAX_SPLIT_FILE = 64 * 2**20


def read_split_file(path: Path) -> dict[str, str]:
    """Part id to split. A part in two splits stays in the last of train, validation, test, so that none is
    trained on that is tested."""
    return split_from_bytes(read_file(path, MAX_SPLIT_FILE), str(path))


def split_from_bytes(raw: bytes, where: str) -> dict[str, str]:
    try:
        data: Any = json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError("not a JSON file", where=where, remedy=f"Give {SPLIT_NAME}") from None
    if not isinstance(data, dict) or not all(isinstance(data.get(split, []), list) for split in SPLITS):
        raise _wrong(where)
    found: dict[str, str] = {}
    for split in SPLITS:
        for name in data.get(split, []):
            if not isinstance(name, str):
                raise _wrong(where)
            refuse_unsafe(name, where)
            found[part_id(name)] = split
    if not found:
        raise _wrong(where)
    return found


def _wrong(where: str) -> InputError:
    return InputError(
        'not a split file: it should hold {"train": ["0000/00000007", ...], "validation": [...], "test": [...]}',
        where=where,
        remedy="Leave --split-file out to split by lot",
    )
