"""Takes the vision side off an accelerator while kept features stand in for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from redraft.models.families.base import inner
from redraft.models.parts import part_modules


class Offload:
    """The vision encoder of a model, and with it the projector where both are frozen; on the CPU between `leave`
    and `come_back`. A model that runs on the CPU stays as it is.

    While it is away, `next(model.parameters()).device` may be the CPU: ask for the device before.
    """

    def __init__(self, model: Any, projector_too: bool = False) -> None:
        core = inner(model)
        parts = ("vision", "projector") if projector_too else ("vision",)
        kept = (
            [] if projector_too else [m for _, outer in part_modules(core, "projector") for m in outer.modules()]
        )
        self._modules: list[nn.Module] = [
            module
            for part in parts
            for _, outer in part_modules(core, part)
            for module in outer.modules()
            if not any(module is other for other in kept)
        ]
        self.device = next((p.device for p in core.get_decoder().parameters()), torch.device("cpu"))
        self.away = False

    def leave(self) -> None:
        """Moves the vision side to the CPU."""
        if self.device.type != "cpu" and not self.away:
            self._move(torch.device("cpu"))
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            self.away = True

    def come_back(self) -> None:
        """Moves it to where the rest of the model is."""
        if self.away:
            self._move(self.device)
            self.away = False

    @contextlib.contextmanager
    def back(self) -> Iterator[None]:
        """The whole model on its device, for an evaluation or to save it; then away again if it was."""
        was = self.away
        self.come_back()
        try:
            yield
        finally:
            if was:
                self.leave()

    def _move(self, device: torch.device) -> None:
        """Each module's own tensors, so that what lies inside the vision module and is not vision stays."""
        for module in self._modules:
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(device)
            for name, buffer in module.named_buffers(recurse=False):
                setattr(module, name, buffer.to(device))


@contextlib.contextmanager
def offload(model: Any, projector_too: bool = False) -> Iterator[Offload]:
    """The vision side is away while it lasts, and comes back at the end. projector_too: for features of level
    "projector", which stand in for the projector as well."""
    moved = Offload(model, projector_too)
    moved.leave()
    try:
        yield moved
    finally:
        moved.come_back()


def _modules(core: Any, part: str) -> list[nn.Module]:
    return [module for _, outer in part_modules(core, part) for module in outer.modules()]
