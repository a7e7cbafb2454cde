"""Which device a model runs on."""

from __future__ import annotations

import torch

from redraft.core.errors import RecipeError


def choose_device(name: str) -> torch.device:
    """The named device; "auto" is a CUDA device where there is one, else the CPU.

    Metal is used only where it is asked for: its assertions abort the process, and nothing tries it out first.
    A named device that is not there is a RecipeError.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = "cuda" if there["cuda"] else "cpu"
    if not there.get(name, False):
        known = ", ".join(kind for kind, found in there.items() if found)
        raise RecipeError(
            f"there is no device '{name}' here", where="device", remedy=f"Give device: auto, or one of: {known}"
        )
    return torch.device(name)
