"""What a run's losses and times come to: the line shown while it runs and the summary at its end."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

RECENT = 20
"""Steps over which the shown loss and speed are averaged."""


class Meter:
    """Recent losses and speed, for people who watch."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=RECENT)
        self._speeds: deque[tuple[int, float]] = deque(maxlen=RECENT)

    def add(self, loss: float, examples: int, seconds: float) -> None:
        self._losses.append(loss)
        self._speeds.append((examples, seconds))

    @property
    def speed(self) -> float:
        """Examples a second."""
        return sum(e for e, _ in self._speeds) / max(sum(s for _, s in self._speeds), 1e-9)

    def note(self, remaining: float) -> str:
        """remaining: seconds to the end."""
        left = time.strftime("%H:%M:%S" if remaining >= 3600 else "%M:%S", time.gmtime(remaining))
        return f"loss {statistics.fmean(self._losses):.3f}, {self.speed:.1f} examples/s, {left} left"


def summary(rows: Iterable[dict[str, Any]], count: int) -> dict[str, Any]:
    """Figures of a run from its step rows. count: examples of an epoch.

    first_loss: of the first step. train_loss: mean over the steps of the last epoch (a tenth of the run where an
    epoch is longer). loss_drop: 1 - train_loss / first_loss. batch_variation: standard deviation of the same
    steps' losses divided by their mean, the batch-to-batch variance in the sense of a coefficient of variation.
    examples_per_second: over all steps, without evaluations and saving.
    """
    steps = [row for row in rows if row.get("kind") == "step" and row.get("loss") is not None]
    if not steps:
        return {"train_loss": None}
    seen = sum(row["examples"] for row in steps)
    seconds = sum(row["seconds"] for row in steps)
    last_epoch: list[float] = []
    gathered = 0
    for row in reversed(steps):
        if last_epoch and (gathered >= count or len(last_epoch) >= max(len(steps) // 10, 20)):
            break
        last_epoch.append(row["loss"])
        gathered += row["examples"]
    mean, first = statistics.fmean(last_epoch), steps[0]["loss"]
    return {
        "first_loss": first,
        "train_loss": mean,
        "loss_drop": 1 - mean / first if first > 0 else None,
        "batch_variation": statistics.pstdev(last_epoch) / mean if mean > 0 else None,
        "examples_seen": seen,
        "examples_per_second": seen / seconds if seconds > 0 else None,
        "train_seconds": seconds,
    }


def sentence(figures: dict[str, Any]) -> str:
    """The summary as one line."""
    if figures.get("train_loss") is None:
        return "no step was done"
    return (
        f"loss {figures['first_loss']:.2f} to {figures['train_loss']:.2f} ({figures['loss_drop']:.0%} less), "
        f"batch-to-batch variation {figures['batch_variation']:.1%}, "
        f"{figures['examples_per_second']:.1f} examples a second, "
        f"peak memory {figures['peak_memory_bytes'] / 1e6:,.0f} MB"
    )
