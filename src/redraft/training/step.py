"""One optimiser step: the gradient of a window of micro-batches, clipped, applied.

The loss of a step is the sum over all supervised tokens of its window divided by their number, over every
micro-batch and every process. So batch 8 x accumulate 1 and batch 1 x accumulate 8 make the same gradient.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from redraft.core.recipe import Train
from redraft.models.collate import Batch
from redraft.models.families import family_of
from redraft.models.load import Loaded
from redraft.models.loss import summed_loss
from redraft.training.optimiser import trained


class NotANumber(Exception):
    """The loss of a window is infinite or NaN; the weights are as they were before it."""

    def __init__(self, loss: float, ids: tuple[str, ...]) -> None:
        super().__init__(f"the loss became {loss}")
        self.loss, self.ids = loss, ids


@dataclass(frozen=True, slots=True)
class Done:
    """loss: mean in nats over `tokens` supervised tokens. norm: of the gradient before clipping, None where it is
    not finite. seconds: of the step alone."""

    loss: float
    norm: float | None
    tokens: int
    examples: int
    seconds: float


class Stepper:
    """Does the steps of a run on one model.

    accelerator: accelerate's view of this process and the others. model: what the accelerator wraps, or the model
    itself. The optimiser's groups carry their own highest rate as "initial_lr".
    """

    def __init__(self, loaded: Loaded, model: Any, optimiser: Any, accelerator: Any, settings: Train) -> None:
        self.loaded, self.model, self.optimiser = loaded, model, optimiser
        self.accelerator, self.settings = accelerator, settings
        self.scaler = accelerator.scaler
        self.device = loaded.device
        self.family = family_of(loaded.family)
        self._parameters = list(trained(loaded.model).values())

    def step(self, window: Sequence[Batch], scale: float) -> Done:
        """scale: the factor on every learning rate. A loss that is not finite raises NotANumber."""
        started = time.perf_counter()
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * scale
        tokens = int(self._over_processes(sum(batch.supervised for batch in window)))
        loss = torch.zeros((), dtype=torch.float32, device=self.device)
        for batch in window:
            with self.accelerator.autocast():
                part = summed_loss(
                    self.model, batch.to(self.device), chunk=self.settings.loss_chunk, family=self.family
                )
            # Several processes average their gradients; the loss is to be divided by the tokens of all of them.
            self._backward(part * (self.accelerator.num_processes / max(tokens, 1)))
            loss += part.detach()
        total = float(self._over_processes(loss)) / max(tokens, 1)
        if not math.isfinite(total):
            self.optimiser.zero_grad(set_to_none=True)
            raise NotANumber(total, tuple(id for batch in window for id in batch.ids))
        norm = self._update()
        examples = int(self._over_processes(sum(len(batch.ids) for batch in window)))
        return Done(total, norm, tokens, examples, time.perf_counter() - started)

    def _backward(self, loss: torch.Tensor) -> None:
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()

    def _update(self) -> float | None:
        """Clips and steps; the gradient's norm before clipping."""
        if self.scaler is not None:
            self.scaler.unscale_(self.optimiser)
        clip = self.settings.clip if self.settings.clip is not None else math.inf
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, clip))
        if self.scaler is None:
            self.optimiser.step()
        else:
            self.scaler.step(self.optimiser)
            self.scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
        return norm if math.isfinite(norm) else None

    def _over_processes(self, value: Any) -> Any:
        """The sum over all processes."""
        if self.accelerator.num_processes == 1:
            return value
        tensor = torch.as_tensor(value, dtype=torch.float64, device=self.device)
        return self.accelerator.reduce(tensor, reduction="sum").item()
