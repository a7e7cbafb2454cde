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

from redraft.core.permit import FREE, Permit
from redraft.core.recipe import Train
from redraft.models.collate import Batch
from redraft.training.optimiser import trained
from redraft.training.parallel import Whole
from redraft.training.processes import Processes


class NotANumber(Exception):
    """The loss of a window, or the gradient's norm, is infinite or NaN; the weights are as they were before it."""

    def __init__(self, what: str, value: float, ids: tuple[str, ...]) -> None:
        super().__init__(f"the {what} became {value}")
        self.what, self.value, self.ids = what, value, ids


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

    spread: the model over the processes. accelerator: for autocast and the scaling of losses. permit: asked before
    the passes of a step and before the weights change. The optimiser's groups carry their own highest rate as
    "initial_lr".
    """

    def __init__(
        self,
        spread: Whole,
        optimiser: Any,
        accelerator: Any,
        settings: Train,
        processes: Processes,
        permit: Permit = FREE,
    ) -> None:
        self.permit = permit
        self.spread, self.optimiser, self.processes = spread, optimiser, processes
        self.accelerator, self.settings = accelerator, settings
        self.scaler = accelerator.scaler
        self.device = spread.loaded.device
        self._parameters = list(trained(spread.loaded.model).values())

    def step(self, window: Sequence[Batch], scale: float) -> Done:
        """scale: the factor on every learning rate.

        A loss or a gradient that is not finite raises NotANumber, unless a loss scaler passes over the step."""
        self.permit.check()
        started = time.perf_counter()
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * scale
        mine = [batch for batch in window if batch.ids]
        tokens, examples = self.processes.total(
            sum(batch.supervised for batch in mine), sum(len(batch.ids) for batch in mine)
        )
        # Processes average their gradients; the loss is to be divided by the tokens of all of them.
        factor = self.processes.count / max(tokens, 1)
        loss = torch.zeros((), dtype=torch.float32, device=self.device)
        for batch in window:
            with self.spread.accumulating(last=batch is window[-1]):
                with self.accelerator.autocast():
                    part = self.spread.loss(batch.to(self.device))
                self._backward(part * (factor if batch.ids else 0.0))
            if batch.ids:
                loss += part.detach()
        total = self.processes.total(float(loss))[0] / max(tokens, 1)
        if not math.isfinite(total):
            raise self._not_a_number("loss", total, mine)
        norm = self._clip()
        if self.scaler is None and not math.isfinite(norm):
            raise self._not_a_number("gradient", norm, mine)
        before = time.perf_counter()
        self.permit.check()
        started += time.perf_counter() - before  # waiting for a lease is no training
        self._update()
        # The schedule may follow the clock: one clock for all.
        seconds = self.processes.first(time.perf_counter() - started)
        return Done(total, norm if math.isfinite(norm) else None, int(tokens), int(examples), seconds)

    def _backward(self, loss: torch.Tensor) -> None:
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()

    def _not_a_number(self, what: str, value: float, batches: Sequence[Batch]) -> NotANumber:
        self.optimiser.zero_grad(set_to_none=True)
        ids = self.processes.each(tuple(id for batch in batches for id in batch.ids))
        return NotANumber(what, value, tuple(id for part in ids for id in part))

    def _clip(self) -> float:
        """Clips the gradient; its norm before."""
        if self.scaler is not None:
            self.scaler.unscale_(self.optimiser)
        clip = self.settings.clip if self.settings.clip is not None else math.inf
        return float(self.spread.clip(self._parameters, clip))

    def _update(self) -> None:
        if self.scaler is None:
            self.optimiser.step()
        else:
            self.scaler.step(self.optimiser)
            self.scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
