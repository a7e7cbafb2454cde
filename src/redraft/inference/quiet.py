"""A model as it was: evaluation may use a model that is being trained, and leaves no trace in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def quiet(model: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module's mode and torch's random state are as before.

    Modules are restored one by one: a frozen vision side may be in evaluation mode while the rest trains.
    """
    modes = [(module, module.training) for module in model.modules()]
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
    model.eval()
    try:
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
