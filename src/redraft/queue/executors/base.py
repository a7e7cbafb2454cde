"""What a place that keepers run in does: start one, tell whether it lives, stop it, and clear up after it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from redraft.core.errors import UsageError
from redraft.state.tables import Job

Handle = Mapping[str, Any]
"""How an executor finds a keeper again, also from another worker: plain JSON data, kept in the job's row."""
Life = Literal["alive", "dead", "unknown"]


class Executor(Protocol):
    """Called by a worker, from one thread. A module of this package of its name makes it with `executor()`."""

    name: str
    """What a job's column `executor` says."""

    def submit(self, job: Job) -> dict[str, Any]:
        """Starts a keeper for a job that was claimed just now; its handle. It must outlive this process.

        RedraftError where none can be started: the job fails, or is tried again, with that reason.
        """
        ...

    def poll(self, handle: Handle) -> Life:
        """Whether the keeper lives. "unknown" where this cannot be told from here (another machine's process, a
        cluster that does not answer): such a job is rescued when its lease has run out, never before."""
        ...

    def stop(self, handle: Handle, hard: bool = False) -> None:
        """Asks the keeper to have the work saved and to give the job back; or ends it at once."""
        ...

    def recover(self, handle: Handle) -> bool:
        """Clears up after a dead keeper: True once nothing that it started runs any more. Asked again and again,
        a few times a second, it asks first and kills after a short grace; it never waits."""
        ...


def find_executor(name: str) -> Executor:
    """The executor of that name; a UsageError where there is none here."""
    module = f"redraft.queue.executors.{name}"
    if not name.isidentifier() or name == "base" or importlib.util.find_spec(module) is None:
        raise UsageError("there is no such executor", where=name, remedy="Use local, or ray where it is installed")
    found: Executor = importlib.import_module(module).executor()
    return found
