"""What the features of a frozen vision encoder depend on, as digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from redraft.core.example import Example
from redraft.models.collate import unwrapped
from redraft.models.families.base import Level
from redraft.models.load import Loaded
from redraft.models.parts import parameters_of, part_modules

FORMAT = 1
"""Of the files of the cache; another one makes another folder."""


def feature_key(example: Example) -> str:
    """SHA-256 over the files of an example's pictures in their order. Nothing is decoded; names do not count."""
    digest = hashlib.sha256()
    for image in example.images:
        digest.update(len(image.bytes).to_bytes(8, "little"))
        digest.update(image.bytes)
    return digest.hexdigest()


def about_features(loaded: Loaded, level: Level, dtype: torch.dtype) -> dict[str, Any]:
    """All that features depend on besides the pictures, as JSON data; its digest names the folder.

    level: of what is kept. dtype: of the computation.
    """
    import transformers

    import redraft

    library: Any = transformers
    model = unwrapped(loaded.model)
    weights = [*parameters_of(model, "vision"), *_buffers(model)]
    if level == "projector":
        weights += parameters_of(model, "projector")
    pictures = getattr(loaded.processor, "image_processor", loaded.processor)
    return {
        "format": FORMAT,
        "family": loaded.family,
        "level": level,
        "computed_in": str(dtype).removeprefix("torch."),
        "device": loaded.device.type,
        "weights": weights_digest(weights),
        "pictures": _plain(pictures.to_dict()),
        "processor": type(loaded.processor).__name__,
        "redraft": redraft.__version__,
        "torch": torch.__version__,
        "transformers": library.__version__,
    }


def digest(data: Any) -> str:
    """Of JSON data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def weights_digest(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """Over names, shapes, types and bytes."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors, key=lambda pair: pair[0]):
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        flat = tensor.detach().cpu().contiguous().flatten()
        found.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
    return found.hexdigest()


def _buffers(model: Any) -> list[tuple[str, Tensor]]:
    """Running statistics and tables of the vision side count like weights."""
    return [
        (f"{prefix}.{name}", buffer)
        for prefix, module in part_modules(model, "vision")
        for name, buffer in module.named_buffers()
    ]


def _plain(data: Any) -> Any:
    """JSON data of a processor's settings; what JSON does not know is told by its text."""
    return json.loads(json.dumps(data, sort_keys=True, default=str))
