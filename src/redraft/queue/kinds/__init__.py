"""Kinds of job, by name. A job's row names one; everything else about it is asked there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redraft.core.errors import UsageError
from redraft.queue.kinds.base import Kind, Payload, Start
from redraft.queue.kinds.check import Check
from redraft.queue.kinds.evaluate import Evaluate
from redraft.queue.kinds.generate import Generate
from redraft.queue.kinds.importing import Import
from redraft.queue.kinds.merge import Merge
from redraft.queue.kinds.pull import Pull
from redraft.queue.kinds.push import Push
from redraft.queue.kinds.search import Search
from redraft.queue.kinds.train import Train

KINDS: Mapping[str, Kind[Any]] = {
    kind.name: kind
    for kind in (
        Generate(),
        Import(),
        Pull(),
        Check(),
        Train(),
        Evaluate(),
        Search(),
        Merge(),
        Push(),
    )
}


def find_kind(name: str) -> Kind[Any]:
    """The kind of that name; a UsageError names them all."""
    try:
        return KINDS[name]
    except KeyError:
        raise UsageError(
            f"there is no kind of job '{name}'", where="kind", remedy=f"Choose one of: {', '.join(KINDS)}"
        ) from None


__all__ = ["KINDS", "Kind", "Payload", "Start", "find_kind"]
