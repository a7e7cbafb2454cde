"""Reads and checks every example before the first step, and keeps what fits in memory.

What a model cannot train on (a broken picture, an answer that is missing, more tokens than the limit) is found
here, all of it at once and by id, and never in the middle of a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from redraft.core.errors import InputError, RecipeError, RedraftError
from redraft.core.example import Example
from redraft.core.recipe import Train
from redraft.core.work import Work
from redraft.models.encode import Encoder, Encoding
from redraft.training.feature_cache import CacheFull, FeatureCache, feature_key
from redraft.training.packed import Packed, pack

STAGE = "reading and checking examples"
AHEAD = 2
"""Examples a thread that wait with their pixels: a page has tens of megabytes of them."""
NAMED = 10
"""Bad examples named in an error; the rest are counted."""


@dataclass(frozen=True)
class Prepared:
    """Examples that can be trained on. kept: encodings held in memory by index; others are encoded again.

    indices: of the good examples in the dataset's order. lengths: their tokens. bad: id and reason of the rest.
    """

    examples: Sequence[Example]
    encoder: Encoder
    indices: tuple[int, ...]
    lengths: tuple[int, ...]
    supervised: int
    bad: tuple[tuple[str, str], ...]
    kept: dict[int, Packed]
    cache: FeatureCache | None = None
    keys: dict[int, str] = field(default_factory=dict)
    """With a feature cache: the key of each good example's features, by index."""

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Encoding:
        """The encoding of the place-th good example."""
        index = self.indices[place]
        packed = self.kept.get(index)
        encoding = packed.unpack() if packed is not None else self.encoder.encode(self.examples[index])
        return encoding if self.cache is None else self.cache.give(self.keys[index], encoding)


def prepare(
    examples: Sequence[Example],
    encoder: Encoder,
    settings: Train,
    work: Work,
    cache: FeatureCache | None = None,
) -> Prepared:
    """Encodes every example once. Bad ones stop the run (an InputError that lists them) or, where the recipe
    says `bad_examples: skip`, are left out and named in the run.

    cache: takes the features of every example's pictures; where it becomes full and the recipe does not insist on
    it, that is said and the run goes on without one.
    """
    if not len(examples):
        raise InputError("there are no training examples", where="split 'train'", remedy="Make a larger dataset")
    try:
        return _prepare(examples, encoder, settings, work, cache)
    except CacheFull as full:
        if cache is None or settings.feature_cache == "on":
            raise
        cache.discard()
        work.log(f"{full.what}: training goes on without them", "warning")
    return _prepare(examples, encoder, settings, work, None)


def _prepare(
    examples: Sequence[Example], encoder: Encoder, settings: Train, work: Work, cache: FeatureCache | None
) -> Prepared:
    limit, used = settings.cache_mb * 1024 * 1024, 0
    indices, lengths, supervised = [], [], 0
    bad: list[tuple[str, str]] = []
    kept: dict[int, Packed] = {}
    keys: dict[int, str] = {}
    if cache is not None:
        cache.expect(len(examples))
    for index, found in enumerate(_encoded(examples, encoder, settings, cache is not None)):
        if isinstance(found, tuple):
            bad.append(found)
        else:
            packed = found.packed
            indices.append(index)
            lengths.append(len(packed.encoding))
            supervised += packed.encoding.supervised
            if cache is not None:
                keys[index] = found.key
                packed = Packed(cache.take(found.key, packed.encoding), None)
            if used + packed.bytes <= limit:
                kept[index] = packed
                used += packed.bytes
        work.progress(STAGE, index + 1, len(examples), f"{len(bad)} bad" if bad else "")
    _judge(bad, len(indices), len(examples), settings, work)
    if cache is not None:
        cache.flush()
        work.log(
            f"features of the pictures: {cache.made:,} made, {len(indices) - cache.made:,} found or not needed"
        )
    if len(kept) < len(indices):
        work.log(
            f"{len(kept):,} of {len(indices):,} examples are kept in memory ({used // 2**20:,} MB, "
            f"train.cache_mb); the others are read again in every epoch"
        )
    return Prepared(examples, encoder, tuple(indices), tuple(lengths), supervised, tuple(bad), kept, cache, keys)


@dataclass(frozen=True, slots=True)
class _Good:
    packed: Packed
    key: str


def _encoded(
    examples: Sequence[Example], encoder: Encoder, settings: Train, cached: bool
) -> Iterator[_Good | tuple[str, str]]:
    """Each example's encoding, or its id and what is wrong with it, in order. cached: with the key of its
    pictures, and not packed, as its pixels go on to the vision side at once."""
    ids = getattr(examples, "ids", None)
    longest = min(settings.max_length, encoder.positions or settings.max_length)
    if settings.batch_tokens is not None:
        longest = min(longest, settings.batch_tokens)

    def one(index: int) -> _Good | tuple[str, str]:
        name = str(ids[index]) if ids is not None else f"example {index}"
        try:
            example = examples[index]
            name = example.id
            encoding = encoder.encode(example)
        except RedraftError as error:
            return name, error.what
        if len(encoding) > longest:
            return name, f"{len(encoding):,} tokens with its pictures, above the limit of {longest:,}"
        if cached:
            return _Good(Packed(encoding, None), feature_key(example))
        return _Good(pack(encoding), "")

    with ThreadPoolExecutor(settings.workers, thread_name_prefix="encode") as pool:
        yield from _ordered(pool, one, range(len(examples)), settings.workers * AHEAD)


def _ordered(pool: ThreadPoolExecutor, call, items: Iterable[int], ahead: int):  # type: ignore[no-untyped-def]
    """Results in order with at most `ahead` of them waiting, so that a long dataset does not fill the memory."""
    waiting = []
    for item in items:
        waiting.append(pool.submit(call, item))
        if len(waiting) >= ahead:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


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
