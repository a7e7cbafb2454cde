"""How far a run has come, and the learning rate that belongs there.

The curves are transformers' own schedules, read at a tick: the step, or a fine part of the time where the run ends
by the clock. Nothing is stored, so a resumed run has the same rate at the same step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from redraft.core.recipe import Train
from redraft.training.order import Batches

TICKS = 10_000
"""Parts of a run that ends by the clock."""
NAMES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


@dataclass(frozen=True)
class Pace:
    """steps: the last one, infinite where the clock alone ends the run. seconds: of training, None without."""

    steps: float
    seconds: float | None

    @classmethod
    def of(cls, settings: Train, order: Batches) -> Pace:
        steps = min(order.steps, settings.max_steps or math.inf)
        return cls(steps, None if settings.max_minutes is None else settings.max_minutes * 60)

    def part(self, step: int, seconds: float) -> float:
        """The part of the run that is done, 0 to 1."""
        by_step = step / self.steps
        by_clock = seconds / self.seconds if self.seconds else 0.0
        return min(max(by_step, by_clock), 1.0)

    def expected(self, step: int, seconds: float) -> int:
        """The step at which the run will probably end."""
        if self.seconds is None:
            return int(self.steps)
        part = self.part(step, seconds)
        by_clock = math.ceil(step / part) if part > 0 and step else step + 1
        return int(min(by_clock, self.steps))


class LearningRate:
    """The factor on the recipe's learning rate at a point of the run."""

    def __init__(self, settings: Train, pace: Pace) -> None:
        from transformers import get_scheduler

        self._pace = pace
        self._clocked = pace.seconds is not None
        total = TICKS if self._clocked else int(pace.steps)
        self._steps = int(settings.warmup) if settings.warmup >= 1 else 0
        share = math.ceil(settings.warmup * total) if settings.warmup < 1 else self._steps
        # A warm-up given in steps cannot be told in parts of an unknown number of steps: it is multiplied in.
        self._separate = self._clocked and self._steps > 0
        scratch = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = get_scheduler(
            NAMES[settings.schedule],
            scratch,
            num_warmup_steps=0 if self._separate else share,
            num_training_steps=total,
        )
        self._factor = scheduler.lr_lambdas[0]

    def at(self, step: int, seconds: float) -> float:
        """The factor of the step after `step` finished ones, 0 to 1."""
        tick = int(self._pace.part(step, seconds) * TICKS) if self._clocked else step
        factor = float(self._factor(tick))
        return factor * min(1.0, (step + 1) / self._steps) if self._separate else factor
