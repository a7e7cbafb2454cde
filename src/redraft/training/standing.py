"""Where a run stands: its steps and seconds, its best evaluation, its last checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Standing:
    """step: steps done. seconds: of training, without evaluations and saving. best: mean and checkpoint name of
    the best evaluation. waited: evaluations since then. scores: of the last one, with its step. saved: the last
    checkpoint."""

    step: int = 0
    seconds: float = 0.0
    best: dict[str, Any] | None = None
    waited: int = 0
    scores: dict[str, Any] | None = None
    saved: Path | None = None

    def judge(self, scores: dict[str, Any]) -> None:
        """Takes the figures of an evaluation at this step; their "mean" (higher is better) decides."""
        self.scores = {**scores, "step": self.step}
        mean = scores.get("mean")
        if self.step == 0 or mean is None:
            return  # nothing was trained, so there is no checkpoint that could be the best
        self.waited = 0 if self.best is None or mean > self.best["mean"] else self.waited + 1
        if self.best is None or mean >= self.best["mean"]:
            self.best = {"mean": mean, "checkpoint": f"step-{self.step}"}

    @property
    def is_best(self) -> bool:
        """Whether this step was just found to be the best, and so needs a checkpoint."""
        return self.best is not None and self.best["checkpoint"] == f"step-{self.step}"

    @property
    def is_saved(self) -> bool:
        return self.saved is not None and self.saved.name == f"step-{self.step}"

    @property
    def is_scored(self) -> bool:
        return self.scores is not None and self.scores.get("step") == self.step

    def as_data(self) -> dict[str, Any]:
        """What state.json keeps of it."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
            "waited": self.waited,
            "scores": self.scores,
        }

    @classmethod
    def from_data(cls, state: dict[str, Any], saved: Path) -> Standing:
        return cls(state["step"], state["seconds"], state["best"], state.get("waited", 0), state["scores"], saved)
