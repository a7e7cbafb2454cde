"""Examples that see other examples' images: what a model that ignores images would not notice."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import cycle, islice

from redraft.core.example import Example


def with_other_images(examples: Sequence[Example], seed: int = 0) -> list[tuple[int, Example]]:
    """(index, the example with another's images), for every example that can get images unlike its own.

    Images move among examples with the same number of them, as one permutation, so that the images of the two
    sets are the same ones. Examples without images are left out, and so are those of a group where more than
    half of all share the same images and no different ones are left. Where a whole group has no different ones (a
    document with as many pages as no other), it gets those of the group with the nearest number of images: the
    first of them, or all of them again and again, until they are as many. The same every time for one seed.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        if example.images:
            groups[len(example.images)].append(index)
    moved: list[tuple[int, Example]] = []
    alone: list[int] = []
    for _, members in sorted(groups.items()):
        keys = {index: _key(examples[index]) for index in members}
        random.Random(seed).shuffle(members)
        ranks = {key: rank for rank, key in enumerate(dict.fromkeys(keys[index] for index in members))}
        members.sort(key=lambda index: ranks[keys[index]])
        # Equal images now stand together; a turn by the longest such row takes every one of them out of it.
        turn = max(Counter(keys.values()).values())
        if len(ranks) == 1:
            alone += members
        for place, index in enumerate(members):
            giver = members[(place + turn) % len(members)]
            if keys[giver] != keys[index]:
                moved.append((index, examples[index].with_images(examples[giver].images)))
    moved += [(index, given) for index in alone if (given := _from_nearest(index, examples, groups)) is not None]
    return sorted(moved, key=lambda pair: pair[0])


def _from_nearest(index: int, examples: Sequence[Example], groups: Mapping[int, Sequence[int]]) -> Example | None:
    example = examples[index]
    count = len(example.images)
    for size in sorted(groups, key=lambda size: (abs(size - count), -size)):
        for giver in groups[size]:
            given = example.with_images(tuple(islice(cycle(examples[giver].images), count)))
            if size != count and _key(given) != _key(example):
                return given
    return None


def _key(example: Example) -> bytes:
    digest = hashlib.sha256()
    for image in example.images:
        digest.update(hashlib.sha256(image.bytes).digest())
    return digest.digest()
