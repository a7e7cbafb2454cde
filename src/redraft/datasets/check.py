"""Finds every fault of a dataset: files, rows, images, conversations, duplicates, and what only its task can see.

Each fault names the example (or the file), its kind, its severity and the reason. Kinds found here:

errors: broken_file, changed_file, split_count, options, fingerprint, tampered, bad_row, empty_image, broken_image,
image_count, conversation, empty_answer, duplicate_id, split_overlap, long_answer (with a limit given),
not_encodable (by the model at hand).
warnings: blank_image, duplicate, long_answer (without a limit), task_revision, other_versions, no_truth.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from redraft.core.errors import InputError, RedraftError, UsageError
from redraft.core.example import Example
from redraft.core.score import Fault
from redraft.core.task import Task
from redraft.core.work import Work
from redraft.datasets.drawing import say_changes
from redraft.datasets.files import file_faults
from redraft.datasets.fingerprint import SHORT, Fingerprint, digest
from redraft.datasets.foreign import ANSWER
from redraft.datasets.images import image_fault
from redraft.datasets.reader import Dataset, Split
from redraft.datasets.rows import canonical, to_row

Severity = Literal["error", "warning"]
Row = tuple[int, Example, bytes]
"""Index in its split, example, digest."""
LONG = 4096
"""Tokens above which an answer is worth a warning when no limit is given: the recipes' default `max_length`."""
AHEAD = 64
"""Images decoded in one go by the threads."""
_PIECE = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_")
LETTERS = 4
"""Letters of a word that one token covers on average, in the estimate."""


def estimate_tokens(text: str) -> int:
    """How many tokens a text will have, without a tokenizer: on the high side.

    A word counts one token for every four letters, every digit and every mark counts one, as tokenizers without
    merged digits cut them; spaces go with what follows.
    """
    return sum(-(-len(piece) // LETTERS) if piece[0].isalpha() else 1 for piece in _PIECE.findall(text))


@dataclass
class Report:
    """examples: how many rows were read. faults: all of them, in the order of the checks."""

    examples: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def errors(self) -> int:
        return sum(fault.severity == "error" for fault in self.faults)

    def add(self, id: str, kind: str, severity: Severity, reason: str) -> None:
        self.faults.append(Fault(id, kind, severity, reason))


def check(
    folder: Path | str,
    task: Task | None,
    work: Work,
    *,
    max_tokens: int | None = None,
    count_tokens: Callable[[Example], int] | None = None,
) -> Report:
    """Every fault of the dataset in `folder`.

    task: adds its own checks. max_tokens: above it an answer is an error; without it, above LONG a warning.
    count_tokens: the true count of an example's tokens (answer, prompt and images), where a model is at hand;
    without it the answer's tokens are estimated. A folder that is none is a UsageError or an InputError.
    """
    report = Report()

    def problem(path: str, error: InputError) -> None:
        report.add(path, "broken_file", "error", f"{error.what}. {error.remedy}")

    dataset = Dataset.open(folder, task, problem=problem)
    report.faults += file_faults(dataset, work)
    rows = _Rows(dataset, task, report, max_tokens, count_tokens)
    rows.run(work)
    if task is not None and report.examples:
        if dataset.manifest is not None and dataset.manifest.revision != task.revision:
            reason = f"made by revision {dataset.manifest.revision} of the task, which is at {task.revision} here"
            report.add(dataset.folder.name, "task_revision", "warning", reason)
        if dataset.version_changes:
            report.add(dataset.folder.name, "other_versions", "warning", say_changes(dataset.version_changes))
        try:
            options = task.options(dataset.options)
        except UsageError as error:
            report.add("manifest.json", "options", "error", f"not options of the task here: {error.what}")
            return report
        report.faults += task.check(rows.with_truth(), options, work)
        if rows.without_truth:
            reason = (
                f"{rows.without_truth:,} examples hold a conversation without the truth behind it: they can be "
                "trained on, but neither drawn nor scored"
            )
            report.add(dataset.folder.name, "no_truth", "warning", reason)
    return report


class _Rows:
    """One pass over all rows: everything that needs no task but its key of sameness."""

    def __init__(
        self,
        dataset: Dataset,
        task: Task | None,
        report: Report,
        max_tokens: int | None,
        count_tokens: Callable[[Example], int] | None,
    ) -> None:
        self.dataset, self.task, self.report = dataset, task, report
        self.max_tokens, self.count_tokens = max_tokens, count_tokens
        self.ids: dict[str, str] = {}
        self.same: dict[str, tuple[str, str]] = {}
        self.unsound: set[tuple[str, str]] = set()
        self.bad: dict[str, set[int]] = {}
        self.without_truth = 0
        self.drawn = dataset.manifest is not None and dataset.manifest.images == "drawn"

    def run(self, work: Work) -> None:
        total = sum(self.dataset.counts.values())
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as threads:
            for split in self.dataset.splits.values():
                kept = _digests(self.dataset, split.name)
                collected = Fingerprint()
                for batch in _batches(self._read(split), AHEAD):
                    images = threads.map(_image_faults, [example for _, example, _ in batch])
                    for (at, example, row_digest), found in zip(batch, images, strict=True):
                        collected.add(row_digest)
                        self._row(split.name, example, found)
                        if kept is not None and at < len(kept) and kept[at] != row_digest.hex()[:SHORT]:
                            reason = f"row {at} of {split.name} is not the one that was written"
                            self._fault(split.name, example.id, "tampered", "error", reason)
                    self.report.examples += len(batch)
                    work.progress("checking examples", self.report.examples, total)
                self._split(split, collected)

    def with_truth(self) -> Iterator[Example]:
        """The sound examples that have a truth, for the task's own checks; counts those that have none."""
        self.without_truth = 0
        for split in self.dataset.splits.values():
            for example in self._good(split):
                if (split.name, example.id) in self.unsound:
                    continue
                if set(example.truth) <= {ANSWER}:
                    self.without_truth += 1
                else:
                    yield example

    def _read(self, split: Split) -> Iterator[Row]:
        """Index, example and digest of every row that can be read. After a bad one it goes on row by row."""
        rows: Iterator[Example] | None = split.iterate(draw=False)
        for at in range(len(split)):
            try:
                example = split.example(at, draw=False) if rows is None else next(rows)
            except InputError as error:
                rows = None
                self.bad.setdefault(split.name, set()).add(at)
                self._fault(split.name, f"{split.name} row {at}", "bad_row", "error", error.what)
                continue
            yield at, example, digest(to_row(example))

    def _good(self, split: Split) -> Iterator[Example]:
        bad = self.bad.get(split.name)
        if not bad:
            return split.iterate(draw=False)
        return (split.example(at, draw=False) for at in range(len(split)) if at not in bad)

    def _split(self, split: Split, collected: Fingerprint) -> None:
        manifest = self.dataset.manifest
        if manifest is None:
            return
        said = manifest.counts[split.name]
        if collected.count != said:
            reason = f"the manifest says {said:,} examples and {collected.count:,} can be read"
            self.report.add(split.name, "split_count", "error", reason)
        elif collected.hex() != manifest.fingerprints.get(split.name):
            reason = "the content is not the one that the manifest's fingerprint was taken of"
            self.report.add(split.name, "fingerprint", "error", reason)

    def _fault(self, split: str, id: str, kind: str, severity: Severity, reason: str) -> None:
        self.report.add(id, kind, severity, reason)

    def _row(self, split: str, example: Example, images: list[tuple[str, Severity, str]]) -> None:
        for kind, severity, reason in images:
            self._fault(split, example.id, kind, severity, reason)
            if severity == "error":
                self.unsound.add((split, example.id))
        self._conversation(split, example)
        self._length(split, example)
        self._duplicates(split, example)

    def _conversation(self, split: str, example: Example) -> None:
        roles = [m.role for m in example.messages if m.role != "system"]
        expected = [("user", "assistant")[i % 2] for i in range(len(roles))]
        if roles != expected or not roles:
            reason = f"the turns are {', '.join(roles) or 'none'}; user and assistant should alternate, user first"
            self._fault(split, example.id, "conversation", "error", reason)
        if not example.answer.strip():
            self._fault(split, example.id, "empty_answer", "error", "the last message holds no answer")
        places = sum(m.image_count for m in example.messages)
        names = self.task.image_names if self.task is not None else ()
        drawn = self.drawn and not example.images
        count = len(names) if drawn else len(example.images)
        if places != count and (names or not drawn):
            reason = f"{count} images and {places} places for them in the messages"
            self._fault(split, example.id, "image_count", "error", reason)
            self.unsound.add((split, example.id))

    def _length(self, split: str, example: Example) -> None:
        limit = self.max_tokens or LONG
        severity: Severity = "error" if self.max_tokens else "warning"
        if self.count_tokens is None:
            tokens, what = estimate_tokens(example.answer), "the answer has about"
        else:
            try:
                whole = self.dataset.splits[split].drawn(example)
                tokens, what = self.count_tokens(whole), "the whole example has"
            except RedraftError as error:
                self._fault(split, example.id, "not_encodable", "error", error.what)
                return
        if tokens > limit:
            self._fault(split, example.id, "long_answer", severity, f"{what} {tokens:,} tokens, above {limit:,}")

    def _duplicates(self, split: str, example: Example) -> None:
        if example.id in self.ids:
            reason = f"another example in {self.ids[example.id]} has the same id"
            self._fault(split, example.id, "duplicate_id", "error", reason)
        else:
            self.ids[example.id] = split
        if (split, example.id) in self.unsound:
            return
        key = self._key(example)
        if key not in self.same:
            self.same[key] = (split, example.id)
            return
        other_split, other = self.same[key]
        if other_split == split:
            self._fault(split, example.id, "duplicate", "warning", f"shows the same as {other} in {split}")
        else:
            reason = f"shows the same as {other} in {other_split}"
            self._fault(split, example.id, "split_overlap", "error", reason)

    def _key(self, example: Example) -> str:
        if self.task is not None:
            try:
                return "task:" + self.task.same(example)
            except (RedraftError, KeyError, TypeError, ValueError):
                pass  # the truth is not this task's own, which its check will say; the content still tells twins
        row = to_row(example) | {"id": "", "seed": 0, "truth": canonical({})}
        return digest(row).hex()


def _image_faults(example: Example) -> list[tuple[str, Severity, str]]:
    faults: list[tuple[str, Severity, str]] = []
    for image in example.images:
        found = image_fault(image)
        if found is not None:
            faults.append(found)
    return faults


def _digests(dataset: Dataset, split: str) -> list[str] | None:
    path = dataset.folder / "digests" / f"{split}.txt"
    if dataset.manifest is None or not path.is_file():
        return None
    return path.read_text(encoding="ascii", errors="replace").splitlines()


def _batches(items: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
