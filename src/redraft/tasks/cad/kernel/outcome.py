"""What a caller gets back from a job in a worker process: a value, or a reason code and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REASONS = (
    "ok",
    "parse",
    "refused",
    "limit",
    "execute",
    "timeout",
    "memory",
    "crash",
    "empty",
    "invalid_solid",
    "non_manifold",
)
"""ok: done. parse, refused, limit: the input is no program, holds a construct that is not accepted, or is beyond
a cap. execute: an operation failed. timeout, memory: a limit of the process was reached. crash: the process
ended by a signal or left the protocol. empty, invalid_solid, non_manifold: what is wrong with the result."""


MAX_DETAIL = 2000
"""Characters of a detail."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """reason: one of `REASONS`. detail: one sentence on a failure, else empty. value: the job's result when ok.

    A worker process is not trusted: reason and detail may be wrong if a program broke into it, but their types
    and lengths always hold.
    """

    reason: str
    detail: str = ""
    value: Any = None

    @property
    def ok(self) -> bool:
        return self.reason == "ok"
