"""A few steps of the real loop on chosen examples, to know what a run will take before it begins.

It is `loop.train` itself that is called and broken off after its last step, so whatever a recipe switches on is
tried as it will be run.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from redraft.core.example import Example
from redraft.core.recipe import Recipe, Train
from redraft.core.work import Silent
from redraft.models.encode import Encoder
from redraft.models.load import Loaded
from redraft.training import run
from redraft.training.augmented import Augmentation, Examples
from redraft.training.loop import train
from redraft.training.packed import pack


@dataclass(frozen=True, slots=True)
class Measured:
    """One example as training will hold it. tokens: with its image tokens. kept_bytes: of its encoding in memory
    between epochs. pictures: how many."""

    index: int
    id: str
    tokens: int
    supervised: int
    pictures: int
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of a model in training, from its parameters alone. gradients and moments: of those that are trained,
    in their own type. checkpoint: weights (of an adapter the adapter's alone) and moments."""

    weights: int
    gradients: int
    moments: int
    checkpoint: int


class _Enough(Exception):
    """The trial has seen its last step."""


class _Watching(Silent):
    """Keeps the rows of steps and ends the loop after the last one."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.rows: list[dict[str, Any]] = []

    def metric(self, values: Mapping[str, Any]) -> None:
        if values.get("kind") == "step":
            self.rows.append(dict(values))
            if len(self.rows) >= self.steps:
                raise _Enough


def try_steps(
    loaded: Loaded,
    encoder: Encoder,
    examples: Sequence[Example],
    recipe: Recipe,
    steps: int,
    folder: Path,
    augmentation: Augmentation | None = None,
) -> list[dict[str, Any]]:
    """The event rows of `steps` steps on these examples (step, seconds, tokens, examples, memory_bytes, ...).

    folder: for the run, made and removed here. Errors are those of `loop.train`.
    """
    changes: dict[str, Any] = {
        "epochs": float(steps + 1),
        "max_steps": steps + 1,  # one more, so that the loop neither saves nor ends on its own
        "max_minutes": None,
        "save_every": None,
        "evaluate_every": None,
        "evaluate_first": False,
        "patience": None,
        "log_every": 1,
        "trackers": (),
    }
    if augmentation is not None and augmentation.variants is not None and recipe.train.augment is not None:
        # One of the variants is enough for the figures of a step.
        augmentation = replace(augmentation, variants=1)
        changes["augment"] = recipe.train.augment.model_copy(update={"variants": 1})
    tried = recipe.model_copy(update={"train": recipe.train.model_copy(update=changes)})
    work = _Watching(steps)
    run.begin(folder, tried)
    try:
        train(loaded, encoder, examples, tried, folder, work, augmentation=augmentation)
    except _Enough:
        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return work.rows


def measure(encoder: Encoder, index: int, example: Example) -> Measured:
    """Encodes an example as training does; one that cannot be trained on raises its RedraftError."""
    encoding = encoder.encode(example)
    kept = pack(encoding).bytes
    return Measured(index, example.id, len(encoding), encoding.supervised, len(example.images), kept)


@dataclass(frozen=True, slots=True)
class Augmented:
    """What showing an example in another way takes. seconds: to draw and encode it, on one thread. at_once: how
    many are made in that time by all threads; fewer than there are where they wait for each other. kept_bytes: of
    an encoding in memory, where it is kept."""

    seconds: float
    at_once: float
    kept_bytes: int


def measure_augmented(
    encoder: Encoder, split: Examples, chosen: Sequence[Measured], augmentation: Augmentation, workers: int
) -> Augmented:
    """Over the chosen examples, each in its first way. workers: threads."""
    seconds, kept = [], []
    for one in chosen:
        started = time.perf_counter()
        _, encoding = augmentation.both(split, one.index, 0, encoder, one.tokens)
        seconds.append(time.perf_counter() - started)
        kept.append(pack(encoding).bytes)
    each = statistics.fmean(seconds)
    again = [one for _ in range(workers) for one in chosen]
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda one: augmentation.both(split, one.index, 0, encoder, one.tokens), again))
    together = (time.perf_counter() - started) / len(again)
    return Augmented(each, min(max(each / together, 1.0), float(workers)), int(statistics.fmean(kept)))


def window_size(settings: Train, tokens: int) -> int:
    """Examples of this length in one optimiser step."""
    batch = settings.batch_size
    if settings.batch_tokens is not None:
        batch = max(1, settings.batch_tokens // max(tokens, 1))
    return batch * settings.accumulate


def worst_window(found: Sequence[Measured], settings: Train) -> list[Measured]:
    """The examples of the step that takes most memory: the longest, of equal ones those with most pictures."""
    ranked = sorted(found, key=lambda m: (-m.tokens, -m.pictures, -m.kept_bytes, m.index))
    return ranked[: window_size(settings, ranked[0].tokens)] if ranked else []


def usual_window(found: Sequence[Measured], settings: Train) -> list[Measured]:
    """The examples of a step as most are: evenly from the shortest to the longest."""
    ranked = sorted(found, key=lambda m: (m.tokens, m.index))
    if not ranked:
        return []
    middle = ranked[len(ranked) // 2].tokens
    size = min(window_size(settings, middle), len(ranked))
    return [ranked[(2 * i + 1) * len(ranked) // (2 * size)] for i in range(size)]


def sizes_of(loaded: Loaded, settings: Train) -> Sizes:
    """Counted from the parameters. adamw keeps two moments of a weight's type; adamw_8bit two of one byte."""
    every = list(loaded.model.parameters())
    trained = [p for p in every if p.requires_grad]
    weights = sum(p.numel() * p.element_size() for p in every)
    gradients = sum(p.numel() * p.element_size() for p in trained)
    moments = 2 * (sum(p.numel() for p in trained) if settings.optimiser == "adamw_8bit" else gradients)
    saved = gradients if loaded.adapter else weights
    return Sizes(weights, gradients, moments, saved + moments)
