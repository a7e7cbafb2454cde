"""A split file: JSON of split to ids."""

from __future__ import annotations

import json
from pathlib import Path

from redraft.core.errors import InputError
from redraft.tasks.summary.imports.settings import SPLITS

MAX_BYTES = 256 << 20


def read_split_file(path: Path) -> dict[str, str]:
    """Id to split. An id in two splits stays in the last of train, validation, test, so that none is trained on
    that is tested."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("too large")
        data = json.loads(path.read_bytes())
        lists = {split: data.get(split, []) for split in SPLITS}
        if not all(isinstance(ids, list) for ids in lists.values()) or not any(lists.values()):
            raise ValueError("no lists of ids")
    except (OSError, ValueError, AttributeError, RecursionError):
        raise InputError(
            "not a split file",
            where=str(path),
            remedy='It holds {"train": ["id", ...], "validation": [...], "test": [...]}',
        ) from None
    return {str(id): split for split in SPLITS for id in lists[split]}
