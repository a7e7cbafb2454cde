"""Several datasets of one task as one: training examples by weight, held-out ones all, none twice.

What is taken of a dataset is decided by lot (the seed and the example's id); its examples stay in their order and
are spread evenly among the others'. Held-out splits are joined whole and go first: what they hold is not trained
on, whichever dataset it comes from.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from redraft.core.errors import InputError, RedraftError, UsageError
from redraft.core.example import Example, Message, Part
from redraft.core.task import Task
from redraft.core.work import Work
from redraft.datasets.drawing import own_pictures
from redraft.datasets.manifest import Manifest
from redraft.datasets.reader import Dataset
from redraft.datasets.splitting import SPLITS, lot, say_short
from redraft.datasets.writer import rights_of


@dataclass(frozen=True)
class Ingredient:
    """A dataset of the mix. weight: its share of the training examples, against the others' weights; None: all."""

    folder: Path
    dataset: Dataset
    weight: float | None = None

    @property
    def manifest(self) -> Manifest:
        found = self.dataset.manifest
        assert found is not None
        return found


@dataclass(frozen=True)
class Mixed:
    split: str
    example: Example
    rights: tuple[str, str]


def options_of(parts: Sequence[Ingredient], task: Task, said: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the mix has: those that all agree on, and what is said. Any other is a UsageError."""
    every = [_flat(task.options(part.dataset.options)) for part in parts]
    chosen = _flat(task.options({**parts[0].dataset.options, **_merged(parts[0].dataset.options, said)}))
    given = _flat(said)
    for key in sorted(set().union(*every)):
        values = [options.get(key) for options in every]
        if any(value != values[0] for value in values) and not any(_below(key, name) for name in given):
            shown = ", ".join(
                f"{value!r} in {part.folder.name}" for value, part in zip(values, parts, strict=True)
            )
            raise UsageError(
                f"the datasets do not agree on the option {key}: {shown}",
                remedy=f"Say what the mix shall have: --option {key}=VALUE",
            )
    return _nested(chosen)


class Mix:
    """examples() yields the mix, in its order. counts: training examples taken, by ingredient."""

    def __init__(
        self,
        parts: Sequence[Ingredient],
        task: Task,
        options: Mapping[str, Any],
        work: Work,
        *,
        count: int | None = None,
        seed: int = 0,
        stored: bool = False,
    ) -> None:
        self._parts, self._task, self._options, self._work = parts, task, dict(options), work
        self._count, self._seed, self._stored = count, seed, stored
        self._same: dict[str, str] = {}
        self._ids: set[str] = set()
        self.taken: dict[str, int] = {}

    def examples(self) -> Iterator[Mixed]:
        names = dict.fromkeys(name for part in self._parts for name in part.dataset.splits)
        others = [name for name in names if name not in SPLITS]
        for split in ("test", "validation", *others, "train"):
            if split in names:
                yield from self._split(split)

    def _split(self, split: str) -> Iterator[Mixed]:
        fit = [self._fitting(part, split) for part in self._parts]
        if split == "train":
            fit = self._by_weight(fit)
        queues = [_spread(indices, number) for number, indices in enumerate(fit)]
        total, done = sum(map(len, fit)), 0
        for _, number, index in heapq.merge(*queues):
            part = self._parts[number]
            done += 1
            self._work.progress(f"mixing {split}", done, total)
            example = part.dataset.splits[split].example(index, draw=False)
            rights = rights_of(example.truth, *_whole(part))
            try:
                example = self._shown(self._named(example, part), part)
            except RedraftError as error:
                self._work.left_out(example.id, error.what)
                continue
            yield Mixed(split, example, rights)

    def _fitting(self, part: Ingredient, split: str) -> list[int]:
        """Indices of the part's examples that nobody had before."""
        found: list[int] = []
        if split not in part.dataset.splits:
            return found
        for index, example in enumerate(part.dataset.splits[split].iterate(draw=False)):
            key = self._task.same(example)
            if key in self._same:
                reason = f"a duplicate: {part.folder.name} has the same as {self._same[key]}"
                self._work.left_out(example.id, reason)
                continue
            self._same[key] = f"{example.id} of {part.folder.name}"
            found.append(index)
        return found

    def _by_weight(self, fit: list[list[int]]) -> list[list[int]]:
        weights = [part.weight for part in self._parts]
        sizes = [len(indices) for indices in fit]
        shares = [float(size) for size in sizes]
        if any(weight is not None for weight in weights):
            shares = [1.0 if weight is None else weight for weight in weights]
        # One that has nothing left to give must not hold the others back.
        shares = [share if size else 0.0 for share, size in zip(shares, sizes, strict=True)]
        whole = sum(shares)
        if self._count is None:
            limits = [size * whole / share for size, share in zip(sizes, shares, strict=True) if share > 0]
            total = min(limits, default=0.0)
        else:
            total = float(self._count)
        wanted = _apportioned(total, [share / whole for share in shares] if whole else [0.0] * len(shares))
        chosen: list[list[int]] = []
        for part, indices, number in zip(self._parts, fit, wanted, strict=True):
            ids = part.dataset.splits["train"].ids if indices else []
            by_lot = sorted(indices, key=lambda index: lot(self._seed, ids[index]))[:number]
            chosen.append(sorted(by_lot))
            self.taken[str(part.folder)] = len(by_lot)
            if len(by_lot) < number:
                say_short({f"train of {part.folder.name}": number}, {f"train of {part.folder.name}": len(by_lot)},
                          self._work)  # fmt: skip
        return chosen

    def _named(self, example: Example, part: Ingredient) -> Example:
        """An id that another dataset has, too, gets the name of its own before it."""
        id = example.id
        if id in self._ids:
            id = f"{part.folder.name}/{id}"
        self._ids.add(id)
        return replace(example, id=id)

    def _shown(self, example: Example, part: Ingredient) -> Example:
        """Its images and its conversation as the mix's options have them."""
        given = own_pictures(example)
        if not given and self._task.options(part.dataset.options) != self._options:
            images = self._task.draw(example.truth, example.seed, self._options)
            turns = self._task.messages(example.truth, self._options)
            example = replace(example, images=images, messages=_with_places(turns, len(images)))
        if self._stored:
            if not example.images:
                example = example.with_images(self._task.draw(example.truth, example.seed, self._options))
            return example
        return example if given else example.with_images(())


def _spread(indices: Sequence[int], number: int) -> Iterator[tuple[float, int, int]]:
    """Places from 0 to 1 at even distances."""
    return (((at + 0.5) / len(indices), number, index) for at, index in enumerate(indices))


def _apportioned(total: float, shares: Sequence[float]) -> list[int]:
    """Whole numbers that come nearest to the shares and add up to the total (largest remainders)."""
    exact = [total * share for share in shares]
    found = [int(value + 1e-9) for value in exact]
    rest = int(total + 1e-9) - sum(found)
    for index in sorted(range(len(exact)), key=lambda i: found[i] - exact[i])[: max(rest, 0)]:
        found[index] += 1
    return found


def _whole(part: Ingredient) -> tuple[str, str]:
    """What a row says nothing of: the dataset's own rights, joined where it has several."""
    manifest = part.manifest
    licences = dict.fromkeys(rights.licence for rights in manifest.ledger) or {manifest.source.licence: None}
    return manifest.source.origin or part.folder.name, "; ".join(licences)


def _with_places(turns: Sequence[Message], pages: int) -> tuple[Message, ...]:
    """The conversation with as many image places as there are images, where its first turn holds them."""
    if sum(turn.image_count for turn in turns) == pages:
        return tuple(turns)
    first, *others = turns
    texts = tuple(part for part in first.content if part.type == "text")
    return (Message(first.role, (*(Part("image") for _ in range(pages)), *texts)), *others)


def _flat(options: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in options.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{before}{key}.")
        else:
            found[before + key] = value
    return found


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, last = key.split(".")
        node = found
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return found


def _merged(base: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """said over base, one level into groups of options."""
    return {
        key: {**base[key], **value} if isinstance(value, Mapping) and isinstance(base.get(key), Mapping) else value
        for key, value in said.items()
    }


def _below(key: str, name: str) -> bool:
    return key == name or key.startswith(f"{name}.")


def ingredient(folder: Path, weight: float | None, task: Task | None) -> Ingredient:
    """Opens a dataset of the mix. One without a manifest is an InputError, another task's a UsageError."""
    dataset = Dataset.open(folder, task)
    if dataset.manifest is None:
        raise InputError("only datasets with a manifest are mixed", where=str(folder), remedy="Import it first")
    if task is not None and dataset.task != task.name:
        raise UsageError(
            f"this dataset is of the task {dataset.task}, and the first one of {task.name}",
            where=str(folder),
            remedy="Mix datasets of one task",
        )
    return Ingredient(folder, dataset, weight)
