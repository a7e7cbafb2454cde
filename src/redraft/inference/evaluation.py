"""Evaluation: a predictor answers examples, the task scores them, and the figures say how good that is.

The same function serves `redraft evaluate` and the evaluations in the middle of training.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.core.errors import UsageError
from redraft.core.example import Example
from redraft.core.prediction import Prediction, Predictor
from redraft.core.recipe import Evaluate
from redraft.core.score import Score
from redraft.core.task import Task
from redraft.core.work import Work
from redraft.inference.blindness import AnswerLoss, mean_loss, verdict
from redraft.inference.samples import write_samples
from redraft.inference.sentences import sentences
from redraft.inference.shuffled import with_other_images
from redraft.inference.summary import best_of, compare, speed, summarise

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Judged:
    """One predictor's answers on all examples: samples answers and scores an example, the greedy one first."""

    name: str
    answers: list[list[Prediction]]
    scores: list[list[Score]]
    seconds: float

    @property
    def first(self) -> list[Score]:
        return [row[0] for row in self.scores]


def evaluate(
    predictor: Predictor,
    task: Task,
    examples: Sequence[Example],
    settings: Evaluate,
    work: Work,
    *,
    baseline: Predictor | None = None,
    folder: Path | None = None,
    step: int | None = None,
    before: Path | None = None,
    seed: int = 0,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The figures of predictor on examples, JSON data; docs/evaluation.md lists them.

    settings: batch_size, samples and keep_samples are read here; the split and its limit have been applied by the
    caller. baseline: another predictor (the untrained one) that answers the same examples. folder: where answers,
    pictures and figures are kept; a `<run>/samples/step-<n>` in training. before: the folder of an earlier
    evaluation of the same examples, whose answers are shown beside the new ones. seed: of bootstrap and shuffling.
    about: what the caller knows of the examples (dataset, fingerprint, trained_on), kept with the figures.

    Without examples it is a UsageError. A failed answer scores zero and keeps its reason; nothing is left out.
    """
    if not examples:
        raise UsageError(
            "there are no examples to evaluate on",
            where=f"split '{settings.split}'",
            remedy="Choose a split that has examples with --split, or make a larger dataset",
        )
    judged = _judge(predictor, task, examples, settings, work)
    result: dict[str, Any] = {
        "format": FORMAT,
        "task": task.name,
        "model": predictor.name,
        "step": step,
        "split": settings.split,
        "seed": seed,
        "settings": {name: getattr(settings, name) for name in ("samples", "batch_size", "max_new_tokens")},
        **(about or {}),
        **summarise(judged.first, seed),
        "best_of": best_of(judged.scores, seed) if settings.samples > 1 else None,
        "speed": speed(judged.answers, judged.seconds),
        **_losses(predictor, examples, settings, work, seed),
    }
    other = None
    if baseline is not None:
        other = _judge(baseline, task, examples, settings, work)
        result["against"] = {
            "model": baseline.name,
            **summarise(other.first, seed),
            "best_of": best_of(other.scores, seed) if settings.samples > 1 else None,
            "speed": speed(other.answers, other.seconds),
            **_losses(baseline, examples, settings, work, seed),
            "gain": compare(judged.first, other.first, seed),
        }
    result["says"] = sentences(result)
    if folder is not None:
        write_samples(folder, task, examples, judged, other, result, settings.keep_samples, before)
    return result


def _judge(
    predictor: Predictor, task: Task, examples: Sequence[Example], settings: Evaluate, work: Work
) -> Judged:
    started, answers = time.perf_counter(), []
    stage = f"answering ({predictor.name})"
    work.progress(stage, 0, len(examples))
    for start in range(0, len(examples), settings.batch_size):
        batch = examples[start : start + settings.batch_size]
        answers += predictor.predict(batch, samples=settings.samples)
        work.progress(stage, len(answers), len(examples))
    seconds = time.perf_counter() - started
    flat = [answer.text for row in answers for answer in row]
    owners = [example for row, example in zip(answers, examples, strict=True) for _ in row]
    scores = iter(task.score(flat, owners, work))
    return Judged(predictor.name, answers, [[next(scores) for _ in row] for row in answers], seconds)


def _losses(
    predictor: Predictor, examples: Sequence[Example], settings: Evaluate, work: Work, seed: int
) -> dict[str, Any]:
    """The loss of the true answers with their own images and with other examples'; empty for an engine without
    losses, such as a server."""
    measure = getattr(predictor, "answer_losses", None)
    if measure is None:
        return {"loss": None, "loss_shuffled": None, "blind": None, "images": None}
    with_answers = [example for example in examples if example.answer]
    moved = with_other_images(with_answers, seed)
    stage, total = f"measuring the loss ({predictor.name})", len(with_answers) + len(moved)

    def losses(chosen: Sequence[Example], done: int) -> list[AnswerLoss]:
        found: list[AnswerLoss] = []
        for start in range(0, len(chosen), settings.batch_size):
            found += measure(chosen[start : start + settings.batch_size])
            work.progress(stage, done + len(found), total)
        return found

    own = losses(with_answers, 0)
    other = losses([example for _, example in moved], len(own))
    images = verdict([own[index] for index, _ in moved], other, seed)
    return {
        "loss": mean_loss(own),
        "loss_shuffled": images["loss_shuffled"],
        "blind": images["blind"],
        "images": images,
    }
