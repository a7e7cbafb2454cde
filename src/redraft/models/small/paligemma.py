"""A small PaliGemma: the built-in tiny model with the smallest sizes that still see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.models.small._shared import bundled_texts, save_small
from redraft.models.tiny import build_tiny, tiny_options

SMALL = {
    "picture": 64,
    "channels": [8, 16, 16, 24],
    "depths": [1, 1, 1, 1],
    "width": 32,
    "layers": 2,
    "heads": 2,
    "feed_forward": 64,
    "numbers": 32,
}


def build(folder: Path, seed: int = 0, *, texts: tuple[str, ...] = (), **sizes: Any) -> Path:
    """sizes: those of the tiny model (docs/models.md). texts: more texts to train the tokenizer on."""
    model, processor = build_tiny(tiny_options({**SMALL, **sizes}), [*bundled_texts(), *texts], seed)
    return save_small(folder, model, processor)
