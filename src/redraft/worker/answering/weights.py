"""What a model will take in memory, told from its files before it is loaded."""

from __future__ import annotations

import math
from pathlib import Path

from redraft.models.layout import MODEL
from redraft.models.load import adapter_source
from redraft.models.tensor_file import layout_of

BYTES = 4
"""Of a weight: models answer in full precision, unless their recipe and the device are for half of it."""


def weights_of(checkpoint: Path) -> int:
    """Bytes at the most: of a checkpoint's or model's folder, with the base model where it is an adapter."""
    inner = checkpoint / MODEL if (checkpoint / MODEL).is_dir() else checkpoint
    folders = [inner]
    if (inner / "adapter_config.json").is_file():
        base = adapter_source(checkpoint, inner).folder
        folders += [base] if base is not None else []
    files = [path for folder in folders for path in folder.glob("*.safetensors")]
    return BYTES * sum(math.prod(shape) for path in files for _, shape in layout_of(path).values())
