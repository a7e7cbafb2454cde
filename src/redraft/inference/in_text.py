"""The same model on the text itself, in place of its pictures: whole, and cut to as many tokens as they cost.

What a page of pixels is worth shows only beside what the same decoder makes of the words, and beside what it makes
of as many of the words as fit into the same number of tokens (truncation at equal tokens).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example
from redraft.core.offers import ShowsText, offers
from redraft.core.prediction import Predictor
from redraft.core.task import Task
from redraft.core.work import Work

WHOLE, EQUAL = "text", "text, equal tokens"
"""The names of the two versions."""
REMEDY = "Leave out --text, or choose a model that takes longer prompts of text"


@runtime_checkable
class CountsPrompts(Protocol):
    positions: int | None
    """Of the longest sequence that the model takes."""

    def prompt_tokens(self, example: Example) -> int:
        """Tokens of its prompt with its pictures; an InputError where the model cannot read it."""
        ...


@dataclass(frozen=True, slots=True)
class InText:
    """examples in one version. tokens: of a prompt, on average; picture_tokens: of one with pictures."""

    name: str
    examples: list[Example]
    tokens: float
    picture_tokens: float


def in_text(
    predictor: Predictor, task: Task, examples: Sequence[Example], answer: int, work: Work
) -> list[InText]:
    """The examples in both versions. answer: the longest answer in tokens, which must fit behind the text.

    It is a UsageError where the task shows no text, the model counts no tokens or takes no text, or a text does
    not fit into its positions.
    """
    offered = offers(task, ShowsText)
    if offered is None:
        raise UsageError(
            f"the task {task.name} has no text to show in place of pictures", remedy="Leave out --text"
        )
    if not isinstance(predictor, CountsPrompts):
        raise UsageError(
            "only a model in this process says what its prompts cost in tokens",
            where=predictor.name,
            remedy="Give --text with a checkpoint or a model folder",
        )
    whole, equal, costs, counts, kept = [], [], [], [], []
    for number, example in enumerate(examples, start=1):
        pictures = predictor.prompt_tokens(example)
        shown = offered.as_text(example)
        tokens = _tokens(predictor, shown)
        if tokens <= _tokens(predictor, offered.as_text(example, 1)) < len(shown.messages[0].text):
            raise UsageError(
                f"this model's prompts hold pictures alone: the text of {example.id} costs no token",
                where=predictor.name,
                remedy=REMEDY,
            )
        if predictor.positions is not None and tokens + answer > predictor.positions:
            raise UsageError(
                f"the text of {example.id} takes {tokens:,} tokens and its answer up to {answer:,}, and the model "
                f"has {predictor.positions:,} positions",
                where=predictor.name,
                remedy=REMEDY,
            )
        short, fewer = _cut(predictor, offered, example, pictures) if tokens > pictures else (shown, tokens)
        whole.append(shown)
        equal.append(short)
        costs.append(pictures)
        counts.append(tokens)
        kept.append(fewer)
        work.progress("counting tokens of the texts", number, len(examples))
    mean = statistics.fmean(costs)
    return [
        InText(WHOLE, whole, statistics.fmean(counts), mean),
        InText(EQUAL, equal, statistics.fmean(kept), mean),
    ]


def _tokens(predictor: CountsPrompts, shown: Example) -> int:
    try:
        return predictor.prompt_tokens(shown)
    except InputError as error:
        raise UsageError(f"this model takes no question without a picture ({error})", remedy=REMEDY) from None


def _cut(predictor: CountsPrompts, offered: ShowsText, example: Example, most: int) -> tuple[Example, int]:
    """The longest beginning whose prompt costs at most so many tokens, by bisection over its characters."""
    low, high = 0, sum(len(turn.text) for turn in offered.as_text(example).messages)
    while high - low > 1:
        middle = (low + high) // 2
        if _tokens(predictor, offered.as_text(example, middle)) <= most:
            low = middle
        else:
            high = middle
    shown = offered.as_text(example, low)
    return shown, _tokens(predictor, shown)
