"""`redraft cad compare`: how far two parts are the same."""

from __future__ import annotations

from pathlib import Path

from redraft.core.errors import InputError
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.tasks.cad.kernel.pool import shared_pool
from redraft.tasks.cad.sources import read_source

TIMEOUT = 120.0
"""Seconds. Two STEP files of a person's may be larger than a model's answers."""


def compare(request: Request, work: Work) -> Result:
    """request: a, b (paths). The measures of the kernel's "compare", and the two files' names."""
    a, b = (read_source(Path(request[name])) for name in ("a", "b"))
    outcome = shared_pool().call("compare", {"a": a.payload, "b": b.payload, "chamfer": True}, timeout=TIMEOUT)
    if outcome.reason != "ok":
        raise InputError(
            f"the two cannot be compared ({outcome.reason}: {outcome.detail})",
            where=f"{a.path}, {b.path}",
            remedy="`redraft cad measure` says which of the two is at fault",
        )
    return Result({"a": a.path, "b": b.path, **outcome.value})
