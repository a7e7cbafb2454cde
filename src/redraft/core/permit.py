"""Whether a piece of work may still go on, and may publish: the fencing token as the work sees it.

A process that was given up by its queue and wakes again must do no further optimiser step and publish nothing.
It asks here before both; work that no queue has handed out is always allowed.
"""

from __future__ import annotations

import time
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
        """Asks whoever holds the lease, and returns when that is granted; LeaseLost where it is refused.

        kind "publish" (step, path): before a checkpoint gets its name; granted while the lease holds. kind
        "checkpoint" (step, path, bytes): after it; recorded in one token-checked transaction."""
        ...


class Free:
    """The permit of work that no queue has handed out."""

    token: str | None = None

    def check(self) -> None:
        return None

    def publish(self, kind: str, **values: Any) -> None:
        return None


FREE: Permit = Free()


def clock() -> float:
    """Seconds on a clock that all processes of this machine share, which goes on while the machine sleeps (where
    the system has one) and knows no leaps. Leases are told and kept by it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


Wire = Mapping[str, Any]
"""What goes over a worker's pipes, besides its request and events (docs/job-kinds.md):
to the worker  {"lease": {"token": "7", "seconds": 20.0, "at": 812.5}}   may go on for so long; at: the sender's
               `clock()` when it wrote the line, left out: from when it is read
               {"stop": "lost"}                             the lease is another's now: LeaseLost at the next check
               {"answer": 3, "granted": true}               to its question 3
               {"stop": "pause" | "cancel"}                 save and end
from it        {"event": "ask", "id": 3, "kind": "checkpoint", "values": {...}}"""
