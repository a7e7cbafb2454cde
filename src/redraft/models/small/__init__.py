"""Small instances of the families: stock classes, random weights from a seed, a few million numbers.

They stand in for pretrained models where none can be fetched: in tests, in benchmarks, and for trying a recipe
before its base model is there. One module a family, each with `build(folder, seed, **sizes)`, which writes a model
folder as `save_pretrained` of the real model and its processor would.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any


def names() -> list[str]:
    """The families that have a small instance."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))


def build(family: str, folder: Path, seed: int = 0, **sizes: Any) -> Path:
    """Writes the small instance into folder and returns it. sizes: what the family's module documents."""
    importlib.import_module(f"{__name__}.{family}").build(folder, seed, **sizes)
    return folder
