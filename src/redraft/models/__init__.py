"""Model families: load, freeze, adapt, encode an example, collate a batch."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["freeze_embeddings", "freeze_vision_encoder", "get_parameter_groups", "print_parameter_summary",
           "validate_vision_model"]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The public functions of `redraft.models.freeze`, loaded when they are first asked for."""
    if name in __all__:
        return getattr(importlib.import_module("redraft.models.freeze"), name)
    raise AttributeError(f"module 'redraft.models' has no attribute '{name}'")
