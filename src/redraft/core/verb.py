"""A verb: one piece of work with a JSON request and a JSON result, done by a worker process."""

from __future__ import annotations

import importlib
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


def verbs_at(package: str, places: Mapping[str, tuple[str, str]]) -> dict[str, Verb]:
    """The verbs of a package. places: verb to its module there and its function in that module.

    A module is loaded when its verb is called, so that a small one starts without what a large one needs.
    """

    def at(module: str, function: str) -> Verb:
        def run(request: Request, work: Work) -> Result:
            verb: Verb = getattr(importlib.import_module(f"{package}.{module}"), function)
            return verb(request, work)

        return run

    return {name: at(*place) for name, place in places.items()}
