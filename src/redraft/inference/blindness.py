"""Does the model look at its images? Its loss with the right ones against its loss with other examples' ones.

For each example the loss of the answer (given the right words before each token) is taken twice: with its own
images, and with another example's. The paired differences say how much the right images help.

The verdict is "blind" unless the mean difference is at least MARGIN of the loss and the 95 % bootstrap interval
of the differences lies above zero. So a model counts as seeing only where that is shown: on few or noisy
examples the verdict can be "blind" for a model that sees a little, and the sentence gives the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redraft.inference.statistics import bootstrap_mean, signed

MARGIN = 0.01
"""Of the loss with the right images. A smaller gain is treated as none."""

AnswerLoss = tuple[float, int]
"""The summed loss over an answer's supervised tokens in nats, and their number."""


def mean_loss(losses: Sequence[AnswerLoss]) -> float | None:
    """Nats a supervised token, over all tokens, as training reports it."""
    tokens = sum(count for _, count in losses)
    return sum(loss for loss, _ in losses) / tokens if tokens else None


def verdict(own: Sequence[AnswerLoss], other: Sequence[AnswerLoss], seed: int = 0) -> dict[str, Any]:
    """own and other: the losses of the same answers with their own and with other examples' images.

    Returns examples, loss, loss_shuffled (nats a token), difference and its interval (nats a token, mean over
    examples), blind (None where it cannot be told) and says, one sentence.
    """
    count = len(own)
    found: dict[str, Any] = {
        "examples": count,
        "loss": mean_loss(own),
        "loss_shuffled": mean_loss(other),
        "difference": None,
        "interval": None,
        "blind": None,
    }
    if count == 0:
        found["says"] = "Whether the model uses its images was not tested: no two examples have different images."
        return found
    gains = [b / tokens - a / tokens for (a, tokens), (b, _) in zip(own, other, strict=True)]
    found["difference"] = sum(gains) / count
    interval = bootstrap_mean(gains, seed)
    found["interval"] = list(interval) if interval else None
    if interval is None:
        found["says"] = "Whether the model uses its images cannot be told from one example."
        return found
    found["blind"] = found["difference"] < MARGIN * found["loss"] or interval[0] <= 0
    figures = (
        f"its loss is {found['loss']:.3f} with the right images and {found['loss_shuffled']:.3f} with those of "
        f"other examples (difference {signed(found['difference'])}, 95 % interval {signed(interval[0])} to "
        f"{signed(interval[1])}, {count} examples)"
    )
    found["says"] = (
        f"This model is blind: nothing shows that it uses its images; {figures}."
        if found["blind"]
        else f"The model uses its images: {figures}."
    )
    return found
