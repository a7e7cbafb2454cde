"""Answers that were already given, one a line on the disk: what a search goes on from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from redraft.core.atomic import output_error, write_text
from redraft.core.errors import OutputError

TRIALS = "trials.jsonl"


@dataclass(frozen=True, slots=True)
class Answered:
    """One document in one style. value: its score, 0 with a reason where it failed. page_tokens: of one page.

    text_tokens: of the text on the pages. letters: x-height in pixels in the model. seconds: of the answer.
    """

    trial: int
    example: str
    value: float
    reason: str
    pages: int
    page_tokens: int
    text_tokens: float
    letters: float
    seconds: float

    @property
    def tokens(self) -> int:
        return self.pages * self.page_tokens


class Record:
    """The file of a search. Its first line says what was searched; another search cannot go on in it."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.path, self.settings = folder / TRIALS, dict(settings)
        self.known: dict[tuple[int, str], Answered] = {}
        if self.path.is_file():
            self._read()
        elif folder.is_dir() and any(folder.iterdir()):
            raise OutputError(
                f"the output exists already, without a {TRIALS} to go on from",
                where=str(folder),
                remedy="Choose another output",
            )

    def add(self, answers: Iterable[Answered]) -> None:
        """Appends them and waits until the disk has them."""
        if not self.path.is_file():
            write_text(self.path, json.dumps({"settings": self.settings}, ensure_ascii=False) + "\n")
        rows = list(answers)
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise output_error(self.path, error) from error
        self.known |= {(row.trial, row.example): row for row in rows}

    def _read(self) -> None:
        text = self.path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]  # a line that was being written when the power went is not there
        if whole != text:
            write_text(self.path, whole)
        try:
            first, *rest = (json.loads(line) for line in whole.splitlines())
            known, rows = first["settings"], [Answered(**row) for row in rest]
        except (ValueError, KeyError, TypeError):
            raise OutputError(
                "this is no record of a search", where=str(self.path), remedy="Choose another output"
            ) from None
        differ = [name for name in self.settings if known.get(name) != self.settings[name]]
        if differ:
            raise OutputError(
                f"there is a search in it with other settings ({', '.join(differ)})",
                where=str(self.path.parent),
                remedy="Choose another output, or repeat the command of that search",
            )
        self.known = {(row.trial, row.example): row for row in rows}
