"""A small model of a stock class in a folder, as people have theirs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "inference"))

from small_families import small


def save_small(folder: Path, family: str = "llava", seed: int = 0) -> Path:
    """Random weights from the seed: its answers are long, never end, and hold letters of all kinds."""
    loaded = small(family, seed)
    loaded.model.save_pretrained(folder)
    loaded.processor.save_pretrained(folder)
    return folder
