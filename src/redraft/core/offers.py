"""What a task offers beyond `core.task.Task`: each is optional, and found by its name on the task.

A task without one of them works as before. The engine asks with `offers(task, Kind)` and never by the task's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from redraft.core.example import Example
from redraft.core.score import Detail
from redraft.core.task import Options
from redraft.core.work import Work


class Transform(Protocol):
    """Shows an example in another way, which means the same: augmentation.

    Every random choice is f(seed, epoch, example.id), the seed being the maker's: neither the order of calls nor
    the thread matters. The result never has more images than the example, nor larger ones, so it costs
    no more tokens.
    """

    redraws: bool
    """True where it makes images anew from the truth and the example's image places: then an example whose dataset
    keeps no images may come without them."""

    def __call__(self, example: Example, epoch: int) -> Example: ...


@runtime_checkable
class Augments(Protocol):
    def transform(self, options: Options, settings: Mapping[str, Any], seed: int) -> Transform:
        """options: of the dataset. settings: the recipe's `train.augment.options`, and its strength as "strength";
        an unknown one is a UsageError."""
        ...


@runtime_checkable
class HasBaselines(Protocol):
    def baselines(self, examples: Sequence[Example], work: Work) -> Mapping[str, list[str]]:
        """Answers that need no model, by the baseline's name: one an example, in order."""
        ...


@runtime_checkable
class ShowsText(Protocol):
    def as_text(self, example: Example, characters: int | None = None) -> Example:
        """The example with its content as text in the prompt, in place of images; at most so many characters."""
        ...


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A published set whose form is known, so that its name is enough.

    columns: ours to theirs. licence: as its page says it. page: where all this stands. name: the configuration
    that is meant where none is said, or "". revision: to read where none is said, or None for the main one.
    constants: our columns that are the same in all its rows ("language"); of_name: those of a configuration.
    """

    columns: Mapping[str, str]
    licence: str
    page: str
    name: str = ""
    revision: str | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    of_name: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in an answer that a reader should see, in characters. note: why, a few words."""

    start: int
    end: int
    note: str


@runtime_checkable
class MarksAnswers(Protocol):
    def marks(self, answer: str, example: Example) -> Sequence[Mark]:
        """The places in their order, none over another."""
        ...


@runtime_checkable
class MeasuresMore(Protocol):
    measures: Mapping[str, str]
    """Further measures that are made when they are asked for: name to one line of help, which says what its
    setting is."""

    def measure(
        self, name: str, setting: str, answers: Sequence[str], examples: Sequence[Example], work: Work
    ) -> list[Mapping[str, Detail]]:
        """Further details of each answer, in order. Asked with no answers it only checks that name and setting are
        right; what is wrong with them is a UsageError."""
        ...


@runtime_checkable
class DrawsElsewhere(Protocol):
    draws_elsewhere: bool
    """Present where drawing holds the interpreter, so that threads would wait for each other: whole splits are
    drawn in processes of their own, which open the task by its name."""


@runtime_checkable
class DescribesData(Protocol):
    data_categories: tuple[str, ...]
    """The hub's names for what its datasets serve (`task_categories` of a dataset card)."""
    truth_fields: Mapping[str, str]
    """What a truth holds, a line each, for the dataset card."""


@runtime_checkable
class ReadsRows(Protocol):
    row_columns: Mapping[str, tuple[str, ...]]
    """Our column to the names it usually has elsewhere, the likeliest first."""
    row_needed: tuple[tuple[str, ...], ...]
    """Of each group of our columns, a table must have one."""
    known_sets: Mapping[str, KnownSet]
    """Repositories on the hub by their names."""

    def row_fault(self, row: Mapping[str, Any], options: Options) -> str | None:
        """Why a row (by our columns' names) is no example, as far as it can be told without drawing; else None."""
        ...

    def from_row(self, row: Mapping[str, Any], id: str, options: Options) -> Example:
        """An example of a row (by our columns' names); it has images only where the row does. What does not fit is
        an InputError."""
        ...


Kind = TypeVar("Kind")


def offers(task: Any, kind: type[Kind]) -> Kind | None:
    """The task as that kind, or None where it does not offer it."""
    return task if isinstance(task, kind) else None
