"""What a trial's figures say of the whole run: memory, time, disk, and whether it fits."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from redraft.core.recipe import Recipe
from redraft.worker.guarded import Outcome
from redraft.worker.machine_memory import Memory

SPARE = 1.3
"""Free space wanted for a save, in sizes of a checkpoint, as `training.checkpoint` asks for it."""


def memory_of(outcome: Outcome, recipe: Recipe, memory: Memory) -> dict[str, Any]:
    """Bytes at the worst step.

    needed = the largest memory of the trial + encodings kept between epochs (train.cache_mb at most); on a GPU
    the former alone, as encodings stay outside. None where the trial did not live to tell.
    parts: runtime (libraries and dataset, resident beside the model), weights, gradients, moments (counted),
    and rest = what is left: activations, logits, buffers.
    """
    start, model, examples = (outcome.metric(kind) for kind in ("start", "model", "examples"))
    peak = outcome.metric("worst").get("peak_bytes")
    on_gpu = model.get("device_bytes") is not None
    kept = 0
    if examples:
        kept = min(recipe.train.cache_mb * 2**20, int(examples["kept_bytes_mean"] * examples["count"]))
    available = model["device_bytes"] if on_gpu else memory.available
    needed = None if peak is None else peak + (0 if on_gpu else kept)
    loaded = max(model.get("resident_bytes", 0) - model.get("weights", 0), start.get("resident_bytes", 0))
    known = {"runtime": 0 if on_gpu else loaded}
    known |= {name: model.get(name, 0) for name in ("weights", "gradients", "moments")}
    return {
        "fits": needed is not None and needed <= available,
        "needed_bytes": needed,
        "at_least_bytes": max(peak or 0, outcome.peak_bytes),
        "available_bytes": available,
        "limit": "the GPU's memory" if on_gpu else memory.limit,
        "step_bytes": peak,
        "kept_bytes": kept,
        "parts": {**known, "rest": None if peak is None else max(peak - sum(known.values()), 0)},
    }


def time_of(outcome: Outcome, recipe: Recipe) -> dict[str, Any]:
    """Seconds: of a usual step and of the worst, of all steps, and of the reading before them.

    steps x seconds of a usual step, and what steps wait for examples that are drawn meanwhile (`_waiting`); where
    the clock ends the run, the clock. Evaluations and saving come on top.
    """
    examples, usual, worst = (outcome.metric(kind) for kind in ("examples", "usual", "worst"))
    waiting = _waiting(outcome, recipe)
    a_step = usual["seconds"] + waiting if usual else None
    found: dict[str, Any] = {
        "seconds_per_step": a_step,
        "worst_step_seconds": worst.get("seconds"),
        "first_step_seconds": worst.get("first_seconds"),
        "examples_per_second": usual["examples"] / a_step if a_step else None,
        "steps": examples.get("steps"),
        "prepare_seconds": None,
        "training_seconds": None,
        "total_seconds": None,
    }
    if examples:
        found["prepare_seconds"] = examples["encode_seconds"] * examples["count"]
    limits = []
    if a_step and found["steps"] is not None:
        limits.append(found["steps"] * a_step)
    if recipe.train.max_minutes is not None:
        by_clock = int(recipe.train.max_minutes * 60 / usual["seconds"]) if usual else 0
        # Its minutes count steps alone, not the waiting between them.
        limits.append(recipe.train.max_minutes * 60 + by_clock * waiting)
        if usual:
            found["steps"] = min(found["steps"] or 10**12, by_clock)
    if limits and examples:
        found["training_seconds"] = min(limits)
        found["total_seconds"] = min(limits) + found["prepare_seconds"]
    return found


def _waiting(outcome: Outcome, recipe: Recipe) -> float:
    """Seconds that a usual step waits for examples that augmentation shows anew, on the mean over the run.

    They are made by train.workers threads while steps run. The threads and the step share the machine's cores, so
    neither ends before the work of both is done: c cores, of which a step takes t for s seconds, and w seconds of
    making on one thread, a of them at once, end after max(s, w / min(a, c), (t s + w) / c).
    """
    examples, usual, model = (outcome.metric(kind) for kind in ("examples", "usual", "model"))
    augment, each = recipe.train.augment, examples.get("augment_seconds")
    if augment is None or each is None or not usual:
        return 0.0
    anew = 1.0
    if augment.variants is not None:
        if outcome.metric("features").get("used"):
            return 0.0
        if examples["kept_bytes_mean"] * examples["count"] <= recipe.train.cache_mb * 2**20:
            anew = min(1.0, augment.variants / recipe.train.epochs)
    cores = available_cores()
    threads = 1 if model.get("device_bytes") is not None else min(model.get("threads") or cores, cores)
    step, making = usual["seconds"], each * usual["examples"]
    whole = max(step, making / min(examples["augment_at_once"], cores), (threads * step + making) / cores)
    return float(anew * (whole - step))


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def disk_of(outcome: Outcome, recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Bytes of checkpoints (weights or adapter, and moments: counted) and of kept features, and what is free.

    While one is written there are train.keep of them, the best one, and the new one with its spare.
    """
    model, features = outcome.metric("model"), outcome.metric("features")
    one = model.get("checkpoint", 0)
    settings = recipe.train
    saves = 1 if settings.save_every is None else settings.keep + (settings.evaluate_every is not None)
    needed = int(one * saves + one * SPARE) if settings.save_every is not None else int(one * SPARE)
    cached = features["bytes"] if features.get("used") else 0
    place = _existing(folder)
    free = shutil.disk_usage(place).free
    return {
        "fits": needed + cached <= free and (not cached or features["fits"]),
        "checkpoint_bytes": one,
        "checkpoints": saves,
        "checkpoints_bytes": needed,
        "feature_cache_bytes": cached,
        "feature_bytes_per_example": features.get("bytes_per_example", 0),
        "feature_cache": features.get("why", "off"),
        "needed_bytes": needed + cached,
        "free_bytes": free,
        "folder": str(folder),
    }


def _existing(folder: Path) -> Path:
    """The folder itself or the nearest one above it that is there."""
    folder = folder.absolute()
    while not folder.is_dir():
        folder = folder.parent
    return folder
