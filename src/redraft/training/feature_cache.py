"""Keeps on disk what a frozen vision encoder makes of each example's pictures, so that later epochs do not run it.

    cache = open_wanted(loaded, recipe.train, home / "features", dtype, work)     # None: nothing to gain
    cache.expect(len(examples))
    for example in examples:                                   # once, before the first step
        key = feature_key(example)
        kept = cache.take(key, encoder.encode(example))        # makes what is missing; without pixels
    cache.flush()
    batch = collate([cache.give(key, kept) for ...], pad_id)   # in every epoch; pictures are not decoded again

`take` raises CacheFull where the recipe's limit or the disk ends; a caller that can do without the cache calls
`discard` and goes on with None. Several processes: the first one fills the cache, then the others open it.

Features are made of one example at a time. Several at once would be other bits in other company, so that a run
whose damaged shard was made again would not repeat itself.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from redraft.core.atomic import write_json
from redraft.core.errors import InputError, OutputError, RecipeError
from redraft.core.recipe import Train
from redraft.core.work import Work
from redraft.models.collate import collate, unwrapped, with_features
from redraft.models.encode import Encoding
from redraft.models.families import Family, family_of
from redraft.models.families.base import Level
from redraft.models.load import Loaded
from redraft.models.parts import parameters_of, part_modules
from redraft.training.feature_keys import about_features, digest, feature_key
from redraft.training.feature_shards import Shards

__all__ = ["CacheFull", "FeatureCache", "feature_key", "keeping_pays", "level_of", "open_wanted"]

SPARE = 512 * 1024 * 1024
"""Bytes of disk that are left free for checkpoints and for everybody else."""
GB = 10**9


EVER_NEW = "train.augment shows an example's pictures in another way every epoch"


class CacheFull(OutputError):
    """The features do not fit into what the recipe or the disk has for them."""


def level_of(loaded: Loaded) -> Level:
    """What can be kept of a model as it is frozen: the projector's output, or what goes into a trained projector.

    A RecipeError says why where nothing can be.
    """
    family = family_of(loaded.family)
    if not family.caches:
        raise RecipeError(
            f"features of the family {loaded.family} cannot be kept",
            where="train.feature_cache",
            remedy="Give feature_cache: off, or auto",
        )
    if any(p.requires_grad for _, p in parameters_of(loaded.model, "vision")):
        raise RecipeError(
            "the vision encoder is trained, so its features change with every step",
            where="train.feature_cache",
            remedy="Give model.freeze: [vision], or feature_cache: off",
        )
    trained = any(p.requires_grad for _, p in parameters_of(loaded.model, "projector"))
    return "encoder" if trained else "projector"


def keeping_pays(loaded: Loaded, settings: Train, examples: int) -> bool:
    """Whether the recipe wants features kept: always where it says "on"; for "auto" where the vision encoder is
    frozen and more steps are to be taken than see each example (in each of its variants) once."""
    if settings.feature_cache == "auto":
        if any(p.requires_grad for _, p in parameters_of(loaded.model, "vision")):
            return False
        if settings.max_steps is not None and settings.batch_tokens is None:
            return settings.max_steps * settings.batch_size * settings.accumulate > examples * _ways(settings)
    return settings.feature_cache != "off"


def open_wanted(
    loaded: Loaded, settings: Train, root: Path, dtype: torch.dtype, work: Work
) -> FeatureCache | None:
    """The cache that the recipe's feature_cache asks for; None for "off", and for "auto" where examples are seen
    no more than once in each of their variants or nothing can be kept, which is said.

    root: the folder of all caches. dtype: of the computation.
    """
    if settings.feature_cache == "off":
        return None
    limit = int(settings.feature_cache_gb * GB)
    if settings.feature_cache == "on":
        return FeatureCache.open(loaded, root, None, dtype, limit, work)
    if settings.augment is not None and settings.augment.variants is None:
        if settings.epochs > 1:
            work.log(f"no features are kept: {EVER_NEW}; train.augment.variants gives it some to keep")
        return None
    if settings.epochs <= _ways(settings):
        return None
    try:
        return FeatureCache.open(loaded, root, None, dtype, limit, work)
    except RecipeError as error:
        work.log(f"no features are kept: {error.what}")
        return None


def _ways(settings: Train) -> int:
    """How many ways an example is shown in."""
    return (settings.augment.variants or 1) if settings.augment is not None else 1


class FeatureCache:
    """The features of one frozen encoder. folder: of this cache, named after all that its content depends on."""

    def __init__(self, loaded: Loaded, folder: Path, level: Level, dtype: torch.dtype, limit: int, work: Work):
        self.loaded, self.folder, self.level, self.dtype = loaded, folder, level, dtype
        self.limit, self.work = limit, work
        self.family: Family = family_of(loaded.family)
        self.made = 0
        self.shards = Shards(folder, self._damaged)
        self._left: int | None = None
        self._image_token = self.family.image_token(unwrapped(loaded.model))

    @classmethod
    def open(
        cls,
        loaded: Loaded,
        folder_root: Path,
        level: Level | None,
        dtype: torch.dtype,
        limit_bytes: int,
        work: Work,
    ) -> FeatureCache:
        """level: None for the one that the model's freezing allows; a RecipeError where it allows none, or where
        features of level "projector" are asked of a projector that is trained.

        limit_bytes: that the folder of this cache may hold.
        """
        possible = level_of(loaded)
        if level == "projector" and possible == "encoder":
            raise RecipeError(
                "the projector is trained, so its output changes with every step",
                where="train.feature_cache",
                remedy="Keep the encoder's output, or freeze the projector",
            )
        about = about_features(loaded, level or possible, dtype)
        folder = folder_root / f"{loaded.family}-{digest(about)[:20]}"
        if not (folder / "about.json").is_file():
            write_json(folder / "about.json", about)
        return cls(loaded, folder, level or possible, dtype, limit_bytes, work)

    def expect(self, examples: int) -> None:
        """How many examples `take` will be asked for; the first one that must be made then says what all need."""
        self._left = examples

    def has(self, key: str) -> bool:
        return self.shards.has(key)

    def get(self, key: str) -> dict[str, Tensor]:
        """The features under a key, on the CPU. One that `take` never saw is an InputError."""
        try:
            return self.shards.get(key)
        except (KeyError, OSError, ValueError) as error:
            raise InputError(
                "features that were kept before the first step are gone",
                where=str(self.folder),
                remedy="Leave the cache alone while a run uses it; resume the run, and they are made again",
            ) from error

    def take(self, key: str, encoding: Encoding) -> Encoding:
        """Makes sure that the example's features are kept, and returns its encoding without pixels. One without
        pictures is returned as it is."""
        left = self._left
        if self._left is not None:
            self._left -= 1
        if not self._has_pictures(encoding):
            return encoding
        if not self.shards.has(key):
            features = self._make(encoding)
            size = sum(tensor.nbytes for tensor in features.values())
            if self.made == 0 and left is not None:
                self._announce(size, left)
            if self.shards.bytes + size > self.limit:
                raise self._full(f"they take more than the {self.limit / GB:.1f} GB of train.feature_cache_gb")
            with self._writing():
                self.shards.put(key, features)
            self.made += 1
        return with_features(encoding, None, self.family)

    def give(self, key: str, kept: Encoding) -> Encoding:
        """An encoding of `take` with its features; one without pictures is returned as it is."""
        if not bool((kept.input_ids == self._image_token).any()):
            return kept
        return with_features(kept, self.get(key), self.family)

    def flush(self) -> None:
        """Writes what waits. Call it once all examples are taken."""
        with self._writing():
            self.shards.flush()

    def discard(self) -> None:
        """Takes away what this process has written."""
        self.shards.discard()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """A shard that cannot be written is a CacheFull."""
        try:
            yield
        except OutputError as error:
            raise CacheFull(
                f"features of the pictures cannot be kept: {error.what}",
                where=str(self.folder),
                remedy="Free some space, or give train.feature_cache=off",
            ) from error

    def _has_pictures(self, encoding: Encoding) -> bool:
        return encoding.pixel_values is not None or any(
            name in encoding.extra for name in self.family.pixel_inputs
        )

    def _make(self, encoding: Encoding) -> dict[str, Tensor]:
        model, device = unwrapped(self.loaded.model), self.loaded.device
        inputs = collate([encoding], 0).to(device).inputs
        autocast = torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32)
        with torch.no_grad(), autocast, _evaluating(model):
            return self.family.features(model, inputs, self.level)

    def _announce(self, size: int, left: int) -> None:
        need, free = size * left, _free(self.folder)
        what = f"features of {left:,} examples' pictures will take about {need / GB:.2f} GB in {self.folder}"
        facts = f"limit {self.limit / GB:.1f} GB, free {free / GB:.1f} GB"
        room = min(self.limit - self.shards.bytes, free - SPARE)
        if need > room:
            raise self._full(f"{what}, and {max(room, 0) / GB:.2f} GB are left for them ({facts})")
        self.work.log(f"{what} ({facts})")

    def _full(self, why: str) -> CacheFull:
        return CacheFull(
            f"features of the pictures do not fit: {why}",
            where=str(self.folder),
            remedy="Raise train.feature_cache_gb, free some space, or give train.feature_cache=off",
        )

    def _damaged(self, path: Path) -> None:
        self.work.log(f"{path.name} of the feature cache is damaged; its features are made again", "warning")


@contextlib.contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """The vision side without dropout: a frozen encoder gives the same features every time."""
    outer = [module for part in ("vision", "projector") for _, module in part_modules(model, part)]
    modules: list[nn.Module] = [module for one in outer for module in one.modules()]
    before = [module.training for module in modules]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module, training in zip(modules, before, strict=True):
            module.training = training


def _free(folder: Path) -> int:
    """Bytes that are free on the disk of a folder."""
    return shutil.disk_usage(folder).free
