"""Changes to a recipe that make its run smaller, those first that change its result least."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redraft.core.recipe import Recipe

Overrides = dict[str, Any]
"""Dotted recipe keys to values."""


def smaller(recipe: Recipe, memory: dict[str, Any]) -> Iterator[Overrides]:
    """Ever smaller settings; each holds the changes of the one before. memory: as `planning.memory_of` gives it.

    First what leaves the result as it is: fewer encodings kept, smaller batches with more accumulation, features
    in place of pixels, chunks of logits, activations computed twice. Then what changes it: bf16, and an adapter in
    place of all weights.
    """
    settings = recipe.train
    now: Overrides = {}
    if memory["kept_bytes"] and memory["step_bytes"] is not None:
        left = memory["available_bytes"] - memory["step_bytes"]
        if left > 0:
            now = {"train.cache_mb": max(0, int(left * 0.9) // 2**20)}
            yield dict(now)
    if settings.batch_tokens is not None:
        for part in (2, 4):
            now |= {"train.batch_tokens": settings.batch_tokens // part}
            now |= {"train.accumulate": settings.accumulate * part}
            yield dict(now)
    elif settings.batch_size > 1:
        batch = _batch_that_fits(recipe, memory)
        if batch > 1:
            yield {**now, **_batch(recipe, batch)}
        now |= _batch(recipe, 1)
        yield dict(now)
    frozen = recipe.model.adapter is not None or "vision" in recipe.model.freeze
    ever_new = settings.augment is not None and settings.augment.variants is None
    if frozen and settings.feature_cache == "off" and not ever_new:
        now |= {"train.feature_cache": "on"}
        yield dict(now)
    light: Overrides = {}
    if not settings.gradient_checkpointing:
        light["train.gradient_checkpointing"] = True
    if settings.loss_chunk == 0 or settings.loss_chunk > 256:
        light["train.loss_chunk"] = 256
    if light:
        now |= light
        yield dict(now)
    if settings.precision == "fp32" and recipe.model.base != "tiny":
        now |= {"train.precision": "bf16"}
        yield dict(now)
    if recipe.model.adapter is None and recipe.model.base != "tiny":
        now |= {"model.adapter": {}, "model.freeze": ["vision"]}
        yield dict(now)


def computed_bytes(recipe: Recipe, overrides: Overrides, memory: dict[str, Any]) -> int | None:
    """The memory needed with a smaller batch or fewer kept encodings: what grows with the batch in proportion,
    the rest as it was. None for changes whose effect only a trial tells."""
    if set(overrides) - {"train.batch_size", "train.accumulate", "train.cache_mb", "train.batch_tokens"}:
        return None
    parts = memory["parts"]
    if parts["rest"] is None:
        return None
    share = 1.0
    if "train.batch_size" in overrides:
        share = overrides["train.batch_size"] / recipe.train.batch_size
    elif "train.batch_tokens" in overrides and recipe.train.batch_tokens:
        share = overrides["train.batch_tokens"] / recipe.train.batch_tokens
    fixed = sum(value for name, value in parts.items() if name != "rest")
    kept = min(memory["kept_bytes"], overrides.get("train.cache_mb", 10**9) * 2**20)
    return int(fixed + parts["rest"] * share + kept)


def _batch(recipe: Recipe, batch: int) -> Overrides:
    """A batch size with the accumulation that makes up for it."""
    window = recipe.train.batch_size * recipe.train.accumulate
    return {"train.batch_size": batch, "train.accumulate": -(-window // batch)}


def _batch_that_fits(recipe: Recipe, memory: dict[str, Any]) -> int:
    """The largest halving of the batch that should fit by `computed_bytes`; 1 where none above does. Where the
    trial did not live to tell, a quarter."""
    if memory["parts"]["rest"] is None:
        return max(1, recipe.train.batch_size // 4)
    batch = recipe.train.batch_size // 2
    while batch > 1:
        needed = computed_bytes(recipe, {"train.batch_size": batch}, memory)
        if needed is not None and needed <= memory["available_bytes"]:
            return batch
        batch //= 2
    return 1
