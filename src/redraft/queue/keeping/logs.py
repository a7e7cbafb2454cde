"""What the processes of a job print, kept in files of bounded size in the job's folder: HOME/jobs/<id>/.

`keeper.log` is the keeper's own, `output.log` the standard error of the work: what libraries say, and the
traceback of a bug. When a file is full it becomes `<name>.1`, in place of the one before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from redraft.state.places import JOBS, place

LIMIT = 2_000_000
"""Bytes of one log file; of a job's output at most twice as many are kept."""
LINE = 8192
"""Bytes of one line that are kept: a progress bar that never ends its line must not fill the disk."""
OUTPUT, KEEPER = "output.log", "keeper.log"


def job_folder(job: str) -> Path:
    """HOME/jobs/<id>. It need not exist."""
    return place(JOBS, job)


class BoundedLog:
    """A file that is appended to and never grows beyond `limit` bytes by more than a line.

    A write that fails (a full disk) loses its lines and is counted; the work goes on.
    """

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self.path, self.limit = path, limit
        self.lost = 0

    def write(self, line: bytes) -> None:
        """Appends one line; its end is added."""
        try:
            self._make_room()
            with self.path.open("ab") as file:
                file.write(line[:LINE] + b"\n")
        except OSError:
            self.lost += 1

    @contextlib.contextmanager
    def appending(self) -> Iterator[BinaryIO]:
        """The file, open for a process that writes by itself; its size is looked at here and now alone."""
        self._make_room()
        with self.path.open("ab") as file:
            yield file

    def _make_room(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_size > self.limit:
                self.path.replace(self.path.with_name(self.path.name + ".1"))


def tail(job: str, lines: int = 200, name: str = OUTPUT) -> list[str]:
    """The last lines that the work of a job printed to its standard error; none where it has printed none."""
    found: list[bytes] = []
    path = job_folder(job) / name
    for part in (path, path.with_name(path.name + ".1")):
        if len(found) < lines and part.is_file():
            found = part.read_bytes().splitlines() + found
    return [line.decode(errors="replace") for line in found[-lines:]]
