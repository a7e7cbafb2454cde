"""Candidates to examples: read, built, measured and drawn; what does not serve is left out with its reason."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from redraft.core.errors import InputError, RedraftError
from redraft.core.example import Image
from redraft.core.task import Imported
from redraft.core.work import Work
from redraft.tasks.cad.answers import answer_text
from redraft.tasks.cad.imports.settings import Settings
from redraft.tasks.cad.kernel.outcome import Outcome
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.program import Program
from redraft.tasks.cad.truth import describe_request, example_of, images_of, truth_of


@dataclass(frozen=True)
class Reading:
    """A part as its file gives it. views: the pictures that lie beside it, or None; more: kept in its truth."""

    program: Program
    views: tuple[Image, ...] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """id: unique in the source. read: gives the part, or raises the error that says why it does not serve."""

    id: str
    read: Callable[[], Reading]


Described = Iterator[tuple[Candidate, Reading, Outcome]]


class Admission:
    """Lets candidates in until every split has what it wants; remembers what it has seen over all splits."""

    def __init__(self, settings: Settings, work: Work) -> None:
        self._settings, self._work = settings, work
        self._first_with: dict[str, str] = {}
        self._ids: set[str] = set()
        self.admitted = 0

    def fill(self, split: str, wanted: int | None, described: Described) -> Iterator[Imported]:
        """Examples of one split in the candidates' order; says so where there are fewer than wanted.

        described: what `describe` gives; splits that share their candidates share it too, because it reads ahead.
        """
        taken = 0
        if wanted == 0:
            return
        for candidate, reading, outcome in described:
            imported = self._judge(split, candidate, reading, outcome)
            if imported is None:
                continue
            taken += 1
            self.admitted += 1
            self._work.progress(f"importing {split}", taken, wanted)
            yield imported
            if taken == wanted:
                return
        if wanted is not None:
            self._work.log(f"{split}: {taken} of the {wanted} parts asked for: the source has no more", "warning")

    def finish(self, source: str) -> None:
        """An import without a single example is an error."""
        if not self.admitted:
            raise InputError(
                "no part in it could be used",
                where=source,
                remedy="The lines above say why each was left out; check that this is the right source",
            )

    def describe(self, candidates: Iterable[Candidate]) -> Described:
        """The candidates that can be read, each with what the kernel says of it; the others are left out."""
        waiting: deque[tuple[Candidate, Reading]] = deque()

        def requests() -> Iterator[dict[str, Any]]:
            for candidate in candidates:
                if candidate.id in self._ids:
                    self._work.left_out(candidate.id, "this name comes a second time")
                    continue
                self._ids.add(candidate.id)
                try:
                    reading = candidate.read()
                except RedraftError as error:
                    self._work.left_out(candidate.id, str(error))
                    continue
                steps, most = len(reading.program.steps), self._settings.cad["longest_history"]
                if steps > most:
                    self._work.left_out(candidate.id, f"its history has {steps} extrusions, beyond {most}")
                    continue
                waiting.append((candidate, reading))
                yield describe_request(reading.program, self._settings.cad)

        for outcome in shared_pool().map("describe", requests()):
            candidate, reading = waiting.popleft()
            yield candidate, reading, outcome

    def _judge(self, split: str, candidate: Candidate, reading: Reading, outcome: Outcome) -> Imported | None:
        cad = self._settings.cad
        if outcome.reason != "ok":
            self._work.left_out(candidate.id, f"{outcome.reason}: {outcome.detail}")
            return None
        measured = outcome.value["measure"]
        if not measured["valid"] and not cad["keep_invalid"]:
            self._work.left_out(candidate.id, f"{measured['reason']}: {measured['detail']}")
            return None
        truth = truth_of(reading.program, outcome.value, **reading.more)
        first = self._first_with.setdefault(truth["view_key"], candidate.id)
        if first != candidate.id and not cad["duplicates"]:
            self._work.left_out(candidate.id, f"it shows the same as {first}")
            return None
        if reading.views is not None:
            truth["views"] = "given"
        try:
            answer_text(truth, cad)
        except RedraftError as error:
            self._work.left_out(candidate.id, f"it has no answer in this dialect: {error}")
            return None
        images = reading.views if reading.views is not None else images_of(outcome.value)
        return Imported(split, example_of(candidate.id, truth, images, cad))
