"""A small SmolVLM: Idefics3's build under the other name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from redraft.models.small import idefics3


def build(folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """sizes: those of `Sizes`, as `idefics3.build` takes them."""
    return idefics3.build(folder, seed, kind="smolvlm", **sizes)
