"""Reads and checks every example before the first step, and keeps what fits in memory.

What a model cannot train on (a broken picture, an answer that is missing, more tokens than the limit) is found
here, all of it at once and by id, and never in the middle of a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from redraft.core.errors import InputError, RecipeError, RedraftError
from redraft.core.example import Example
from redraft.core.recipe import Train
from redraft.core.work import Work
from redraft.models.encode import Encoder, Encoding
from redraft.training.packed import Packed, pack

STAGE = "reading and checking examples"
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

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Encoding:
        """The encoding of the place-th good example."""
        index = self.indices[place]
        packed = self.kept.get(index)
        return packed.unpack() if packed is not None else self.encoder.encode(self.examples[index])


def prepare(examples: Sequence[Example], encoder: Encoder, settings: Train, work: Work) -> Prepared:
    """Encodes every example once. Bad ones stop the run (an InputError that lists them) or, where the recipe
    says `bad_examples: skip`, are left out and named in the run."""
    if not len(examples):
        raise InputError("there are no training examples", where="split 'train'", remedy="Make a larger dataset")
    limit, used = settings.cache_mb * 1024 * 1024, 0
    indices, lengths, supervised = [], [], 0
    bad: list[tuple[str, str]] = []
    kept: dict[int, Packed] = {}
    for index, found in enumerate(_encoded(examples, encoder, settings)):
        if isinstance(found, tuple):
            bad.append(found)
        else:
            indices.append(index)
            lengths.append(len(found.encoding.input_ids))
            supervised += found.encoding.supervised
            if used + found.bytes <= limit:
                kept[index] = found
                used += found.bytes
        work.progress(STAGE, index + 1, len(examples), f"{len(bad)} bad" if bad else "")
    _judge(bad, len(indices), len(examples), settings, work)
    if len(kept) < len(indices):
        work.log(
            f"{len(kept):,} of {len(indices):,} examples are kept in memory ({used // 2**20:,} MB, "
            f"train.cache_mb); the others are read again in every epoch"
        )
    return Prepared(examples, encoder, tuple(indices), tuple(lengths), supervised, tuple(bad), kept)


def _encoded(examples: Sequence[Example], encoder: Encoder, settings: Train) -> Iterator[Packed | tuple[str, str]]:
    ids = getattr(examples, "ids", None)
    longest = min(settings.max_length, encoder.positions or settings.max_length)
    if settings.batch_tokens is not None:
        longest = min(longest, settings.batch_tokens)

    def one(index: int) -> Packed | tuple[str, str]:
        name = str(ids[index]) if ids is not None else f"example {index}"
        try:
            example = examples[index]
            name = example.id
            encoding = encoder.encode(example)
        except RedraftError as error:
            return name, error.what
        if len(encoding) > longest:
            return name, f"{len(encoding):,} tokens with its pictures, above the limit of {longest:,}"
        return pack(encoding)

    with ThreadPoolExecutor(settings.workers, thread_name_prefix="encode") as pool:
        yield from _ordered(pool, one, range(len(examples)), settings.workers * 8)


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
