"""What a task's routes are given: answers of models, and a place for the files of an answer.

The models live in a process of their own, or behind a server's URL; whoever asks sees neither.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from redraft.core.home import home
from redraft.core.verb import Result

OnEvent = Callable[[Mapping[str, Any]], None]
"""Gets what a verb says while it works: progress, log, left_out."""


GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder for one answer's files, removed some time later. id: names it in the API."""

    id: str
    folder: Path

    @property
    def given(self) -> Path:
        """The folder inside for what was sent; its files are not given out."""
        return self.folder / GIVEN


class Answers(Protocol):
    async def ask(self, verb: str, request: Mapping[str, Any], *, on_event: OnEvent | None = None) -> Result:
        """What the verb returned. request["model"] is an id or a name, never a path or a URL, which are NotFound.

        Raises the error that the verb ended with; WorkerLost where the process that answers was lost meanwhile.
        Cancelling the call ends the work.
        """
        ...

    def keep(self) -> Kept:
        """A new empty folder."""
        ...

    def drop(self, kept: Kept) -> None:
        """Removes such a folder at once."""
        ...

    def kept(self, id: str, name: str) -> Path:
        """The file of that name in the folder with that id; NotFound where it is not there (any more)."""
        ...


FOLDER, SOCKET, LOCK, ERRORS = "answering", "socket", "lock", "errors.txt"
LONGEST = 100
"""Bytes of a Unix socket's path; sun_path has 108 on Linux and 104 on macOS."""


def answering_folder() -> Path:
    """Where the answering process of this state folder keeps its lock, its last words, and its socket."""
    return home() / FOLDER


def socket_path() -> Path:
    """The process's socket; in the system's temporary folder where the state folder's path is too long for one."""
    path = answering_folder().absolute() / SOCKET
    if len(os.fsencode(path)) <= LONGEST:
        return path
    name = sha256(os.fsencode(answering_folder().absolute())).hexdigest()[:24]
    return Path(tempfile.gettempdir()) / f"redraft-{name}" / SOCKET
