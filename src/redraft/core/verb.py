"""A verb: one piece of work with a JSON request and a JSON result, done by a worker process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redraft.core.work import Work

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """value: JSON data, printed whole by `--json`. exit_code: 0 done, 1 the work found a fault."""

    value: dict[str, Any]
    exit_code: int = 0


Verb = Callable[[Request, Work], Result]
