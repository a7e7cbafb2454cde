"""The verb "plan.trial": loads what a recipe names and does a few steps. Run in a guarded child process, so
everything it learns is told at once, in case it does not live to return it."""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from redraft.core.errors import InputError, RedraftError
from redraft.core.example import Example
from redraft.core.recipe import Recipe, recipe_from_data
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.datasets.reader import Split
from redraft.models.encode import Encoder
from redraft.models.load import TINY, Loaded, load_model
from redraft.training.augmented import Augmentation
from redraft.training.device import DTYPES, fit_precision, set_threads, weight_type
from redraft.training.device_loss import device_watch
from redraft.training.sampling import LOOK, sample
from redraft.training.schedule import Pace
from redraft.training.token_order import make_order
from redraft.training.trial import (
    Augmented,
    Measured,
    measure,
    measure_augmented,
    sizes_of,
    try_steps,
    usual_window,
    worst_window,
)
from redraft.training.trial_features import Features, features_of, without_features
from redraft.worker.augmenting import augmentation_of
from redraft.worker.device_choice import take_device
from redraft.worker.verbs.train import TRAIN, open_dataset

STEPS = 3
"""Steps of each trial; the first one, which also allocates, does not count for the time."""
STAGE = "trying steps"


def trial(request: Request, work: Work) -> Result:
    """request: recipe (its data); worst: indices of the examples to try alone (features: whether the run keeps
    features), else they are looked for among `look` examples and a usual step is tried too.

    Metrics, in order: start, model, features (where they could be kept), examples, worst, usual."""
    with device_watch():
        return _trial(request, work)


def _trial(request: Request, work: Work) -> Result:
    recipe = recipe_from_data(request["recipe"], where="the recipe")
    dataset, task = open_dataset(recipe, work)
    augmentation = augmentation_of(recipe, task, dataset.options)
    split = dataset.split(TRAIN)
    work.metric({"kind": "start", "resident_bytes": _resident(), "examples": len(split)})
    work.progress("loading the model", 0, 1)
    loaded, precision = _load(request, recipe, split, work)
    work.progress("loading the model", 1, 1)
    encoder = Encoder(loaded)
    given = request.get("worst")
    with tempfile.TemporaryDirectory(prefix="redraft-plan-") as scratch:
        place = Path(scratch)

        def steps(indices: Sequence[int], recipe: Recipe, name: str) -> dict[str, Any]:
            return _steps(loaded, encoder, split, indices, recipe, place / name, work, augmentation)

        if given:
            os.environ["REDRAFT_HOME"] = scratch
            if not request.get("features") and recipe.train.feature_cache == "auto":
                recipe = without_features(recipe)
            work.metric({"kind": "worst", **steps(given, recipe, "worst")})
            return Result({"precision": precision})
        found, seconds, bad = _look(encoder, split, recipe, int(request.get("look", LOOK)), work)
        worst, usual = worst_window(found, recipe.train), usual_window(found, recipe.train)
        # Nothing of a trial is left behind: what it keeps of pictures goes where its run goes.
        os.environ["REDRAFT_HOME"] = scratch
        some = usual[:: max(1, len(usual) // 3)]
        features = features_of(loaded, encoder, split, some, recipe, precision, place, augmentation)
        if features is not None:
            work.metric({"kind": "features", **asdict(features)})
        shown = (
            measure_augmented(encoder, split, some, augmentation, recipe.train.workers)
            if augmentation is not None
            else None
        )
        work.metric(_examples(found, seconds, bad, split, recipe, worst, features, shown))
        if features is None or not features.used:
            recipe = without_features(recipe)
        indices = [m.index for m in worst]
        work.metric({"kind": "worst", **steps(indices, recipe, "worst")})
        indices = [m.index for m in usual]
        work.metric({"kind": "usual", **steps(indices, recipe, "usual")})
    return Result({"precision": precision})


def _load(request: Request, recipe: Recipe, split: Split, work: Work) -> tuple[Loaded, str]:
    device = take_device(request, recipe, work)
    threads = set_threads(recipe.train.threads)
    precision = fit_precision(recipe.train.precision, device, work)
    texts = (e.answer for e in split.iterate(draw=False)) if recipe.model.base == TINY else None
    loaded = load_model(
        recipe.model,
        device=device,
        dtype=weight_type(recipe, precision),
        compute=DTYPES[precision],
        texts=texts,
        work=work,
        seed=recipe.seed,
    )
    counts = loaded.counts
    work.metric(
        {
            "kind": "model",
            **asdict(sizes_of(loaded, recipe.train)),
            "trainable": counts.trainable,
            "frozen": counts.frozen,
            "precision": precision,
            "threads": threads,
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "device_bytes": _free_on(device),
            "resident_bytes": _resident(),
        }
    )
    return loaded, precision


def _look(
    encoder: Encoder, split: Split, recipe: Recipe, look: int, work: Work
) -> tuple[list[Measured], float, list[tuple[str, str]]]:
    """(what can be trained on, seconds an example, id and reason of the rest)."""
    chosen = sample(split, look, lambda done, of: work.progress("reading texts", done, of))
    longest = min(recipe.train.max_length, encoder.positions or recipe.train.max_length)
    found: list[Measured] = []
    bad: list[tuple[str, str]] = []
    started = time.perf_counter()
    for done, index in enumerate(chosen, 1):
        name = f"example {index}"
        try:
            example = split.example(index)
            name = example.id
            one = measure(encoder, index, example)
            if one.tokens > longest:
                bad.append((name, f"{one.tokens:,} tokens with its pictures, above the limit of {longest:,}"))
            else:
                found.append(one)
        except RedraftError as error:
            bad.append((name, error.what))
        work.progress("encoding examples", done, len(chosen), f"{len(bad)} bad" if bad else "")
    if not found:
        raise InputError(
            "no example can be trained on" + (f": {bad[0][0]}: {bad[0][1]}" if bad else ""),
            where="split 'train'",
            remedy="Run `redraft data check` on the dataset",
        )
    return found, (time.perf_counter() - started) / len(chosen), bad


def _examples(
    found: list[Measured],
    seconds: float,
    bad: list[tuple[str, str]],
    split: Split,
    recipe: Recipe,
    worst: list[Measured],
    features: Features | None,
    augmented: Augmented | None,
) -> dict[str, Any]:
    """What the looked-at examples say of all of them. Steps are counted by the recipe's own order: exactly where
    batches are of one size, else from the lengths that were seen, repeated."""
    count = len(split)
    good = max(1, round(count * len(found) / (len(found) + len(bad))))
    lengths = [m.tokens for m in found]
    order = make_order([lengths[i % len(lengths)] for i in range(good)], recipe.train, recipe.seed)
    steps = Pace.of(recipe.train, order).steps
    return {
        "kind": "examples",
        "count": count,
        "looked_at": len(found) + len(bad),
        "bad": len(bad),
        "bad_first": [list(pair) for pair in bad[:3]],
        "tokens_mean": statistics.fmean(lengths),
        "tokens_longest": max(lengths),
        "supervised_mean": statistics.fmean(m.supervised for m in found),
        "pictures_mean": statistics.fmean(m.pictures for m in found),
        "kept_bytes_mean": _kept_bytes(found, recipe, features, augmented),
        "augment_seconds": augmented.seconds if augmented is not None else None,
        "augment_at_once": augmented.at_once if augmented is not None else None,
        "encode_seconds": seconds
        + (features.seconds_per_example if features is not None and features.used else 0.0),
        "steps": None if math.isinf(steps) else int(steps),
        "worst": {
            "indices": [m.index for m in worst],
            "ids": [m.id for m in worst][:8],
            "tokens": max(m.tokens for m in worst),
            "pictures": sum(m.pictures for m in worst),
        },
    }


def _kept_bytes(
    found: list[Measured], recipe: Recipe, features: Features | None, augmented: Augmented | None
) -> float:
    """Of an example in memory between epochs, all of its variants."""
    if features is not None and features.used:
        return features.kept_bytes
    if augmented is not None:
        variants = recipe.train.augment.variants if recipe.train.augment is not None else None
        return augmented.kept_bytes * (variants or 0)
    return statistics.fmean(m.kept_bytes for m in found)


def _steps(
    loaded: Loaded,
    encoder: Encoder,
    split: Split,
    indices: Sequence[int],
    recipe: Recipe,
    folder: Path,
    work: Work,
    augmentation: Augmentation | None,
) -> dict[str, Any]:
    """A few steps on these examples: seconds of one, the largest memory, and what the numbers were measured on."""
    work.progress(STAGE, 0, STEPS)
    examples: list[Example] = [split.example(i) for i in indices]
    rows = try_steps(loaded, encoder, examples, recipe, STEPS, folder, augmentation)
    work.progress(STAGE, STEPS, STEPS)
    later = rows[1:] or rows
    return {
        "steps": len(rows),
        "examples": rows[-1]["examples"],
        "tokens": rows[-1]["tokens"],
        "first_seconds": rows[0]["seconds"],
        "seconds": statistics.median(row["seconds"] for row in later),
        "peak_bytes": max(row["memory_bytes"] for row in rows),
        "loss": rows[0]["loss"],
    }


def _free_on(device: torch.device) -> int | None:
    """Bytes of a GPU that this process has or could take; None on the CPU."""
    if device.type != "cuda":
        return None
    return int(torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device))


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
