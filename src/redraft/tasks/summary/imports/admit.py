"""Rows to examples: what does not serve is refused with its reason, and what came before is refused too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redraft.core.errors import InputError
from redraft.core.example import Example
from redraft.core.task import Imported
from redraft.core.work import Work
from redraft.tasks.summary.identity import document_key
from redraft.tasks.summary.imports.settings import Settings
from redraft.tasks.summary.rows import example_of


class Admission:
    """Remembers what it has seen over all splits: 16 bytes and an id a document."""

    def __init__(self, settings: Settings, work: Work) -> None:
        self._settings, self._work = settings, work
        self._first_with: dict[str, str] = {key: id for id, (_, key) in settings.written.items()}
        self.admitted = 0

    def admit(self, split: str, row: Mapping[str, Any]) -> Imported | None:
        """The row's example, or None where an earlier import of this has written it. A misfit is an InputError."""
        id = str(row["id"])
        if id in self._settings.written:
            self.admitted += 1
            return None
        example = example_of(row, id, self._settings.summary)
        first = self._first_with.setdefault(document_key(example), id)
        if first != id and not self._settings.summary["duplicates"]:
            raise InputError(f"a duplicate: it is the same document as {first}")
        self.admitted += 1
        self._say_cut(example)
        return Imported(split, example)

    def _say_cut(self, example: Example) -> None:
        """A document whose end is not shown is listed, though it is let in."""
        most = int(self._settings.summary["max_pages"])
        pages = sum(turn.image_count for turn in example.messages)
        if self._settings.summary["long"] != "cut" or pages < most or example.images:
            return
        from redraft.tasks.summary.drawing import lay_out_truth

        if not lay_out_truth(example.truth, example.seed, self._settings.summary).complete:
            self._work.left_out(example.id, f"cut: only its first {most:,} pages are shown")

    def finish(self, source: str) -> None:
        """An import without a single example is an error."""
        if not self.admitted:
            raise InputError(
                "no document in it could be used",
                where=source,
                remedy="The lines above say why each was left out; check that this is the right source",
            )
