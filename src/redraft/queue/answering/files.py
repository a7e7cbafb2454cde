"""The files of answers: each answer's in a folder of its own for a while, then removed."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from redraft.core.answers import GIVEN, Kept
from redraft.core.environment import number
from redraft.core.errors import NotFound, UsageError
from redraft.core.home import home
from redraft.state.places import inside, new_id

ROOM = "answers"
VARIABLE = "REDRAFT_ANSWER_KEEP"
KEEP = 86_400.0
"""Seconds that an answer's files are kept; REDRAFT_ANSWER_KEEP says otherwise."""
MOST = 2_000
"""Answers whose files are kept at once: the oldest go first."""


class AnswerFiles:
    """Old ones are removed when a new one is made, so nothing has to run for it."""

    def __init__(self) -> None:
        self.folder = (home() / ROOM).resolve()
        self.seconds = number(VARIABLE, KEEP, least=1, most=1e9, unit="seconds")

    def new(self) -> Kept:
        self.clean()
        id = new_id("answer")
        folder = inside(self.folder, id)
        (folder / GIVEN).mkdir(parents=True)
        return Kept(id, folder)

    def find(self, id: str, name: str) -> Path:
        """A plain file in the folder itself; NotFound."""
        try:
            folder = inside(self.folder, id)
            path = inside(folder, name)
            if folder.parent == self.folder.resolve() and path.parent == folder and path.is_file():
                return path
        except (UsageError, OSError, ValueError):
            pass
        raise NotFound(
            "there is no such file of an answer",
            where=id[:60],
            remedy=f"Files are kept for {self.seconds / 3600:g} hours: ask for the answer again",
        )

    def without_folders(self, text: str) -> str:
        """The text with the names of kept files in the place of their paths."""
        return re.sub(rf"{re.escape(str(self.folder))}/answer-[0-9a-z]+/?({GIVEN}/)?", "", text)

    def drop(self, kept: Kept) -> None:
        """Removes the folder now."""
        shutil.rmtree(kept.folder, ignore_errors=True)

    def clean(self) -> None:
        """Removes what is older than it is kept, and the oldest beyond the most."""
        try:
            found = [(entry.stat().st_mtime, entry) for entry in self.folder.iterdir()]
        except FileNotFoundError:
            return
        found.sort(key=lambda one: one[0])
        until = time.time() - self.seconds
        surplus = max(0, len(found) + 1 - MOST)
        for place, (at, entry) in enumerate(found):
            if at < until or place < surplus:
                shutil.rmtree(entry, ignore_errors=True)
