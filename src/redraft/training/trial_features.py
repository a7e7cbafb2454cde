"""What keeping the features of a frozen vision encoder will take, from a few examples."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from redraft.core.recipe import Recipe
from redraft.core.work import Silent
from redraft.models.encode import Encoder
from redraft.models.load import Loaded
from redraft.training.augmented import Augmentation
from redraft.training.device import DTYPES
from redraft.training.feature_cache import GB, SPARE, feature_key, open_wanted
from redraft.training.packed import Packed
from redraft.training.sampling import Readable
from redraft.training.trial import Measured


@dataclass(frozen=True, slots=True)
class Features:
    """used: whether the run will keep them. fits: whether there is room for them. why: a few words. bytes: of all
    examples on disk. kept_bytes: of an example in memory then, without its pixels. seconds_per_example: of making
    them, once."""

    used: bool
    fits: bool
    why: str
    bytes: int
    bytes_per_example: int
    kept_bytes: int
    seconds_per_example: float


def features_of(
    loaded: Loaded,
    encoder: Encoder,
    split: Readable,
    chosen: Sequence[Measured],
    recipe: Recipe,
    precision: str,
    folder: Path,
    augmentation: Augmentation | None = None,
) -> Features | None:
    """Makes those of the chosen examples in folder, with augmentation those of their first variant. None where the
    recipe keeps none or the model has none."""
    endless = recipe.train.model_copy(update={"feature_cache_gb": 1e9})  # the limit is judged below, for all
    cache = open_wanted(loaded, endless, folder, DTYPES[precision], Silent())
    if cache is None:
        return None
    sizes, kept, times = [], [], []
    for one in chosen:
        started = time.perf_counter()
        if augmentation is None:
            example = split.example(one.index)
            encoding = encoder.encode(example)
            started = time.perf_counter()  # it is read and encoded anyway
        else:
            example, encoding = augmentation.both(split, one.index, 0, encoder, one.tokens)
        key = feature_key(example)
        without = cache.take(key, encoding)
        times.append(time.perf_counter() - started)
        kept.append(Packed(without, None).bytes)
        cache.flush()
        sizes.append(sum(tensor.nbytes for tensor in cache.get(key).values()) if cache.has(key) else 0)
    ways = (augmentation.variants or 1) if augmentation is not None else 1
    each = int(statistics.fmean(sizes)) * ways
    whole = each * len(split)
    room = min(recipe.train.feature_cache_gb * GB, shutil.disk_usage(folder).free - SPARE)
    fits = whole <= room
    used = fits or recipe.train.feature_cache == "on"
    said = f"{whole / GB:.1f} GB, and {max(room, 0) / GB:.1f} GB are left for them"
    why = "kept" if fits else f"asked for: {said}" if used else f"not kept: {said}"
    return Features(used, fits, why, whole, each, int(statistics.fmean(kept)) * ways, min(times) * ways)


def without_features(recipe: Recipe) -> Recipe:
    """The recipe with train.feature_cache off."""
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"feature_cache": "off"})})
