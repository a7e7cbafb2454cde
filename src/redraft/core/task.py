"""What every task offers. A task is one folder with fixed file names; `core.discovery` finds it.

`task.py` holds `TASK`, an object with this protocol. `commands.py` (light: no torch, no kernel) may hold
`register(app, run)`, which adds commands, and `demo(...)`. `verbs.py` (heavy) may hold `VERBS`, name to callable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from redraft.core.example import Example, Image, Message
from redraft.core.score import Fault, Score
from redraft.core.work import Work

Options = Mapping[str, Any]
"""The task's own settings of a dataset (style of drawing, dialect of answers), JSON data. Kept in the manifest."""


@dataclass(frozen=True, slots=True)
class Imported:
    """An example with the split it belongs to, as an importer yields it."""

    split: str
    example: Example


@dataclass(frozen=True, slots=True)
class Importer:
    """Turns somebody's files into examples.

    run(source, options, work) yields `Imported`; options hold the command's options by name. licence: what the
    dataset card says of the rights when the user gives nothing. resumes: the same source and options give the same
    examples in the same order, and it passes over those that its option `written` (id to split and key of
    sameness) names, so that an import that was stopped can go on.
    """

    name: str
    help: str
    run: Callable[[str, Options, Work], Iterator[Imported]]
    licence: str = "unknown: the licence of the source applies"
    resumes: bool = False


@runtime_checkable
class Task(Protocol):
    name: str
    title: str
    """One line for people."""
    revision: str
    """Changes when the same truth would be drawn or asked differently; part of a dataset's fingerprint."""
    image_names: tuple[str, ...]
    """File names of an example's images in their order; empty where their number varies."""

    def options(self, given: Options) -> dict[str, Any]:
        """The given options completed with defaults; an unknown or wrong one is a UsageError."""
        ...

    def generate(self, count: int, seed: int, options: Options, work: Work) -> Iterator[Example]:
        """count varied, valid, distinct examples, the same every time for the same seed."""
        ...

    def importers(self) -> Mapping[str, Importer]: ...

    def draw(self, truth: Mapping[str, Any], seed: int, options: Options) -> tuple[Image, ...]:
        """The images of a truth: the same bytes every time on the same versions."""
        ...

    def messages(self, truth: Mapping[str, Any], options: Options) -> tuple[Message, ...]:
        """The conversation with its answer."""
        ...

    def prompt(self, options: Options) -> tuple[Message, ...]:
        """The conversation without an answer, as serving uses it."""
        ...

    def same(self, example: Example) -> str:
        """A key that two examples share when they show the same thing."""
        ...

    def check(self, examples: Iterable[Example], options: Options, work: Work) -> Iterator[Fault]:
        """The faults only this task can see (a wrong view, an invalid solid)."""
        ...

    def score(self, answers: Sequence[str], examples: Sequence[Example], work: Work) -> list[Score]:
        """One score an answer, failures with value 0 and their reason."""
        ...

    def versions(self) -> dict[str, str]:
        """Versions of what draws, for the manifest."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a task's `cases.jsonl`: an answer whose score is known. The contract test scores it."""

    truth: Mapping[str, Any]
    answer: str
    value: float
    reason: str
    tolerance: float = field(default=1e-3)
