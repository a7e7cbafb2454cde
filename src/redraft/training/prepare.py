"""Reads and checks every example before the first step, and keeps what fits in memory.

What a model cannot train on (a broken picture, an answer that is missing, more tokens than the limit) is found
here, all of it at once and by id, and never in the middle of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from redraft.core.errors import InputError, RecipeError, RedraftError
from redraft.core.example import Example
from redraft.core.recipe import Train
from redraft.core.work import Work
from redraft.models.encode import Encoder, Encoding
from redraft.training.ahead import ordered
from redraft.training.augmented import Augmentation
from redraft.training.feature_cache import CacheFull, FeatureCache, feature_key
from redraft.training.kept import Kept, Way
from redraft.training.order import Row
from redraft.training.packed import Packed, pack

STAGE = "reading and checking examples"
AHEAD = 2
"""Examples a thread that wait with their pixels: a page has tens of megabytes of them."""
NAMED = 10
"""Bad examples named in an error; the rest are counted."""


@dataclass(frozen=True)
class Prepared:
    """Examples that can be trained on. kept: encodings held in memory; others are encoded again.

    indices: of the good examples in the dataset's order. lengths: tokens of each as it is, which no other way of
    showing it exceeds. bad: id and reason of the rest.
    """

    examples: Sequence[Example]
    encoder: Encoder
    indices: tuple[int, ...]
    lengths: tuple[int, ...]
    supervised: int
    bad: tuple[tuple[str, str], ...]
    kept: Kept
    cache: FeatureCache | None = None
    keys: dict[Way, str] = field(default_factory=dict)
    """With a feature cache: the key of each good example's features, by the way it is shown."""
    augmentation: Augmentation | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def at(self, row: Row) -> Encoding:
        """The encoding of a row of the stream. Safe to call from threads."""
        index = self.indices[row.place]
        way = (index, self.augmentation.variant(row.epoch) if self.augmentation else 0)
        packed = self.kept.get(way)
        encoding = packed.unpack() if packed is not None else self._make(row.place, way)
        return encoding if self.cache is None else self.cache.give(self.keys[way], encoding)

    def _make(self, place: int, way: Way) -> Encoding:
        if self.augmentation is None:
            return self.encoder.encode(self.examples[way[0]])
        _, encoding = self.augmentation.both(self.examples, *way, self.encoder, self.lengths[place])
        # Without a number of variants no way comes a second time.
        if self.augmentation.variants is not None and self.cache is None:
            self.kept.offer(way, pack(encoding))
        return encoding


def prepare(
    examples: Sequence[Example],
    encoder: Encoder,
    settings: Train,
    work: Work,
    cache: FeatureCache | None = None,
    augmentation: Augmentation | None = None,
) -> Prepared:
    """Encodes every example once. Bad ones stop the run (an InputError that lists them) or, where the recipe
    says `bad_examples: skip`, are left out and named in the run.

    cache: takes the features of every example's pictures (of each variant, with augmentation); where it becomes
    full and the recipe does not insist on it, that is said and the run goes on without one. augmentation: how the
    examples are shown in the steps; they are checked as they are.
    """
    if not len(examples):
        raise InputError("there are no training examples", where="split 'train'", remedy="Make a larger dataset")
    try:
        return _prepare(examples, encoder, settings, work, cache, augmentation)
    except CacheFull as full:
        if cache is None or settings.feature_cache == "on":
            raise
        cache.discard()
        work.log(f"{full.what}: training goes on without them", "warning")
    return _prepare(examples, encoder, settings, work, None, augmentation)


def _prepare(
    examples: Sequence[Example],
    encoder: Encoder,
    settings: Train,
    work: Work,
    cache: FeatureCache | None,
    augmentation: Augmentation | None,
) -> Prepared:
    kept = Kept(settings.cache_mb * 1024 * 1024)
    indices, lengths, supervised = [], [], 0
    bad: list[tuple[str, str]] = []
    keys: dict[Way, str] = {}
    variants = (augmentation.variants or 0) if augmentation is not None else 1
    if cache is not None:
        cache.expect(len(examples) * variants)
    for index, found in enumerate(_encoded(examples, encoder, settings, cache is not None, augmentation)):
        if isinstance(found, tuple):
            bad.append(found)
        else:
            indices.append(index)
            lengths.append(found.length)
            supervised += found.supervised
            for variant, (packed, key) in enumerate(found.ways):
                way = (index, variant)
                if cache is not None:
                    keys[way] = key
                    packed = Packed(cache.take(key, packed.encoding), None)
                kept.offer(way, packed)
        work.progress(STAGE, index + 1, len(examples), f"{len(bad)} bad" if bad else "")
    _judge(bad, len(indices), len(examples), settings, work)
    if cache is not None:
        cache.flush()
        work.log(f"features of the pictures: {cache.made:,} made, {len(keys) - cache.made:,} found or not needed")
    if augmentation is not None and cache is None:
        work.log(_said(augmentation, settings))
    elif len(kept) < (whole := len(indices) * variants):
        work.log(
            f"{len(kept):,} of {whole:,} examples are kept in memory ({kept.used // 2**20:,} MB, "
            f"train.cache_mb); the others are read again in every epoch"
        )
    return Prepared(
        examples, encoder, tuple(indices), tuple(lengths), supervised, tuple(bad), kept, cache, keys, augmentation
    )


def _said(augmentation: Augmentation, settings: Train) -> str:
    if augmentation.variants is None:
        return "examples are shown in another way every epoch, so each is drawn and encoded every time"
    return (
        f"each example is shown in {augmentation.variants} ways in turn; they are kept in memory from their first "
        f"time on, as long as there is room ({settings.cache_mb:,} MB, train.cache_mb)"
    )


@dataclass(frozen=True, slots=True)
class _Good:
    """length, supervised: tokens of the example as it is. ways: what is kept of it before the first step, each
    with the key of its pictures where features are kept."""

    length: int
    supervised: int
    ways: list[tuple[Packed, str]]


def _encoded(
    examples: Sequence[Example],
    encoder: Encoder,
    settings: Train,
    cached: bool,
    augmentation: Augmentation | None,
) -> Iterator[_Good | tuple[str, str]]:
    """What is good of each example, or its id and what is wrong with it, in order. cached: with the keys of its
    pictures, and not packed, as its pixels go on to the vision side at once."""
    ids = getattr(examples, "ids", None)
    longest = min(settings.max_length, encoder.positions or settings.max_length)
    if settings.batch_tokens is not None:
        longest = min(longest, settings.batch_tokens)

    def way(example: Example, encoding: Encoding) -> tuple[Packed, str]:
        return (Packed(encoding, None), feature_key(example)) if cached else (pack(encoding), "")

    def one(index: int) -> _Good | tuple[str, str]:
        name = str(ids[index]) if ids is not None else f"example {index}"
        try:
            example = examples[index]
            name = example.id
            encoding = encoder.encode(example)
            length = len(encoding)
            if length > longest:
                return name, f"{length:,} tokens with its pictures, above the limit of {longest:,}"
            if augmentation is None:
                ways = [way(example, encoding)]
            else:
                shown = range((augmentation.variants or 0) if cached else 0)
                ways = [way(*augmentation.both(examples, index, v, encoder, length)) for v in shown]
        except RedraftError as error:
            return name, error.what
        return _Good(length, encoding.supervised, ways)

    with ThreadPoolExecutor(settings.workers, thread_name_prefix="encode") as pool:
        yield from ordered(pool, one, range(len(examples)), settings.workers * AHEAD)


def _judge(bad: list[tuple[str, str]], good: int, total: int, settings: Train, work: Work) -> None:
    if not bad:
        return
    listed = "; ".join(f"{name}: {reason}" for name, reason in bad[:NAMED])
    more = f"; and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
    if settings.bad_examples == "stop":
        raise InputError(
            f"{len(bad)} of {total} examples cannot be trained on: {listed}{more}",
            where="split 'train'",
            remedy="Correct them, raise train.max_length if they are too long, or leave them out with "
            "train.bad_examples=skip",
        )
    if good == 0:
        raise RecipeError(
            f"no example is left to train on: {listed}{more}",
            where="split 'train'",
            remedy="Look at one with `redraft data show`",
        )
    for name, reason in bad:
        work.left_out(name, reason)
    work.log(f"{len(bad)} of {total} examples are left out: {listed}{more}", "warning")
