"""Whether a piece of work may still go on, and may publish: the fencing token as the work sees it.

A process that was given up by its queue and wakes again must do no further optimiser step and publish nothing.
It asks here before both; work that no queue has handed out is always allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Permit(Protocol):
    @property
    def token(self) -> str | None:
        """The fencing token, which names temporary folders; None where no queue handed the work out."""
        ...

    def check(self) -> None:
        """Returns while the lease holds; waits for its renewal where it has run out; LeaseLost where it is lost.
        Cheap: it is called before every optimiser step."""
        ...

    def publish(self, kind: str, **values: Any) -> None:
        """Asks whoever holds the lease to record, in one token-checked transaction, what is about to be
        or was made public (kind "checkpoint": step, path); returns when that is durable, LeaseLost where it is refused."""
        ...


class Free:
    """The permit of work that no queue has handed out."""

    token: str | None = None

    def check(self) -> None:
        return None

    def publish(self, kind: str, **values: Any) -> None:
        return None


FREE: Permit = Free()

Wire = Mapping[str, Any]
"""What goes over a worker's pipes, besides its request and events (docs/jobs.md):
to the worker  {"lease": {"token": "7", "seconds": 20.0}}   may go on for so long from now
               {"answer": 3, "granted": true}               to its question 3
               {"stop": "pause" | "cancel"}                 save and end
from it        {"event": "ask", "id": 3, "kind": "checkpoint", "values": {...}}"""
