"""What the work has said and the database has not heard yet: gathered, so that it costs one commit a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from redraft.queue.keeping.plain import plain

MOST = 20_000
"""Events that are kept while the database is away; the oldest go first, and how many is said."""


class Outbox:
    def __init__(self) -> None:
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._lost = 0
        self.progress: dict[str, Any] | None = None
        """The newest that has not been written."""
        self.heard = False
        """Whether the work has said anything since somebody set this to False."""

    def add(self, kind: str, data: Mapping[str, Any]) -> None:
        self.heard = True
        if kind == "progress":
            self.progress = dict(data)
            return
        self._waiting.append((kind, dict(data)))
        if len(self._waiting) > MOST:
            self._waiting.popleft()
            self._lost += 1

    def waiting(self) -> bool:
        return bool(self._waiting) or self.progress is not None

    def batch(self) -> list[tuple[str, dict[str, Any]]]:
        """All that is to be written now, the oldest first; it stays until `written` says that it was."""
        found = list(self._waiting)
        if self._lost:
            message = f"{self._lost} events were lost while the database could not be written"
            found.insert(0, ("log", {"message": message, "level": "warning"}))
        if self.progress is not None:
            found.append(("progress", self.progress))
        return found

    def written(self) -> None:
        self._waiting.clear()
        self._lost, self.progress = 0, None


def as_event(said: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The event (queue.events) of a line that the work has said; None for lines that are no event."""
    data = {key: value for key, value in said.items() if key != "event"}
    if said["event"] == "metric":
        return "metric", dict(plain(said["values"]))
    return (said["event"], dict(plain(data))) if said["event"] in ("progress", "log", "left_out") else None
