"""Evaluation: a predictor answers examples, the task scores them, and the figures say how good that is.

The same function serves `redraft evaluate` and the evaluations in the middle of training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redraft.core.errors import UsageError
from redraft.core.example import Example
from redraft.core.prediction import Predictor
from redraft.core.recipe import Evaluate
from redraft.core.task import Task
from redraft.core.work import Work
from redraft.inference.blindness import AnswerLoss, mean_loss, verdict
from redraft.inference.in_text import in_text
from redraft.inference.judged import Judged, Measure, check_measures, judge, judge_baselines
from redraft.inference.samples import write_samples
from redraft.inference.sentences import sentences
from redraft.inference.shuffled import with_other_images
from redraft.inference.summary import best_of, compare, speed, summarise

FORMAT = 1


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
    beside: Sequence[Judged] | None = None,
    text: bool = False,
    measures: Sequence[Measure] = (),
) -> dict[str, Any]:
    """The figures of predictor on examples, JSON data; docs/evaluation.md lists them.

    settings: batch_size, samples and keep_samples are read here; the split and its limit have been applied by the
    caller. baseline: another predictor (the untrained one) that answers the same examples. folder: where answers,
    pictures and figures are kept; a `<run>/samples/step-<n>` in training. before: the folder of an earlier
    evaluation of the same examples, whose answers are shown beside the new ones. seed: of bootstrap and shuffling.
    about: what the caller knows of the examples (dataset, fingerprint, trained_on), kept with the figures. beside:
    the task's baselines where `judge_baselines` has made them before; None makes them. text: lets the model answer
    from the text itself too (`inference.in_text`). measures: further ones that the task offers.

    Without examples it is a UsageError. A failed answer scores zero and keeps its reason; nothing is left out.
    """
    if not examples:
        raise UsageError(
            "there are no examples to evaluate on",
            where=f"split '{settings.split}'",
            remedy="Choose a split that has examples with --split, or make a larger dataset",
        )
    check_measures(task, measures, work)
    versions = in_text(predictor, task, examples, settings.max_new_tokens, work) if text else []
    if beside is None:
        beside = judge_baselines(task, examples, work, measures)
    judged = judge(predictor, task, examples, settings, work, measures)
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
        other = judge(baseline, task, examples, settings, work, measures)
        result["against"] = {
            "model": baseline.name,
            **summarise(other.first, seed),
            "best_of": best_of(other.scores, seed) if settings.samples > 1 else None,
            "speed": speed(other.answers, other.seconds),
            **_losses(baseline, examples, settings, work, seed),
            "gain": compare(judged.first, other.first, seed),
        }
    if beside:
        result["baselines"] = {made.name: made.beside(judged, seed) for made in beside}
    read = []
    for version in versions:
        read.append(judge(predictor, task, version.examples, settings, work, measures, name=version.name))
        counts = {"prompt_tokens": version.tokens, "prompt_tokens_of_pictures": version.picture_tokens}
        result.setdefault("text", {})[version.name] = {
            **read[-1].beside(judged, seed),
            **counts,
            "speed": speed(read[-1].answers, read[-1].seconds),
        }
    if measures:
        result["measures"] = [{"name": measure.name, "setting": measure.setting} for measure in measures]
    result["says"] = sentences(result)
    if folder is not None:
        keep = settings.keep_samples
        write_samples(folder, task, examples, judged, other, result, keep, before, [*beside, *read])
    return result


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
