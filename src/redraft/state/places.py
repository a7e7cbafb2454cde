"""Where the things that rows name lie: every one in a folder of its own under the state folder, named by its id.

Ids, not paths, go through the API; `inside` is the second line of defence.
"""

from __future__ import annotations

from pathlib import Path

from ulid import ULID

from redraft.core.errors import UsageError
from redraft.core.home import home

DATABASE = "redraft.sqlite"
DATASETS, RUNS, MODELS, EVALUATIONS, JOBS, UPLOADS = (
    "datasets",
    "runs",
    "models",
    "evaluations",
    "jobs",
    "uploads",
)


def new_id(kind: str) -> str:
    """An id such as "job-01k..."; ids of one kind sort by the time they were made, to the millisecond."""
    return f"{kind}-{str(ULID()).lower()}"


def place(room: str, id: str) -> Path:
    """The folder of the thing with that id: HOME/<room>/<id>. It need not exist."""
    return inside(home() / room, id)


def inside(folder: Path, name: str) -> Path:
    """folder/name; a UsageError where that would lie anywhere else."""
    found = (folder / name).resolve()
    if not found.is_relative_to(folder.resolve()) or found == folder.resolve():
        raise UsageError("this name leads out of its folder", where=name, remedy="Give the name of a file in it")
    return found
