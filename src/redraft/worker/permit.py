"""The permit of work that a keeper handed out: its lease as it was told last, and questions that it answers.

Work that nobody leased is free. The lease's clock goes on while this process, or the machine, is stopped: one that
wakes too late finds its permit run out and waits until it hears that it may go on, or that it may not.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

from redraft.core.errors import LeaseLost
from redraft.core.permit import clock

PUBLISH = "publish"
"""The question before something gets its name; every other is told after it."""


class LeasePermit:
    """`core.permit.Permit` in the process of a worker. The thread that reads the wire calls `hear` and
    `left_alone`, the work's own thread the rest.

    ask: writes a question to whoever holds the lease. say: a sentence for people.
    """

    def __init__(self, ask: Callable[[dict[str, Any]], None], say: Callable[[str, str], None]) -> None:
        self._ask, self._say = ask, say
        self._news = threading.Condition()
        self._token: str | None = None
        self._until = math.inf
        self._lost = self._alone = False
        self._asked = 0
        self._answers: dict[int, bool] = {}

    @property
    def token(self) -> str | None:
        return self._token

    def check(self) -> None:
        if clock() < self._until and not self._lost:
            return
        with self._news:
            if not self._settled():
                self._say("the lease has run out: waiting for its renewal before the next step", "warning")
            while not self._settled():
                self._news.wait()
        if self._lost or clock() >= self._until:
            raise _lost("it was not renewed in time" if self._alone else "it was given to somebody else")

    def publish(self, kind: str, **values: Any) -> None:
        if self._token is None and not self._lost:
            return
        if kind == PUBLISH:
            self.check()
        if not self._granted(kind, values):
            raise _lost("publishing was refused")
        if kind == PUBLISH:
            self.check()  # this process may have been stopped since it was granted

    def hear(self, message: Mapping[str, Any]) -> None:
        """Takes a line of the wire; those that are not for the permit are passed over."""
        with self._news:
            if "lease" in message:
                self._renew(message["lease"])
            elif "answer" in message:
                self._answers[int(message["answer"])] = bool(message.get("granted"))
            elif message.get("stop") == "lost":
                self._lost = True
            self._news.notify_all()

    def left_alone(self) -> None:
        """Nobody answers or renews any more: what the lease still allows may be finished."""
        with self._news:
            self._alone = True
            self._news.notify_all()

    def _renew(self, lease: Mapping[str, Any]) -> None:
        token = str(lease["token"])
        if self._token is not None and token != self._token:
            self._lost = True
            return
        # A line may have waited in the pipe while this process was stopped: its sender's time counts.
        self._token = token
        self._until = min(float(lease.get("at", math.inf)), clock()) + float(lease["seconds"])

    def _settled(self) -> bool:
        return self._lost or self._alone or clock() < self._until

    def _granted(self, kind: str, values: Mapping[str, Any]) -> bool:
        with self._news:
            if self._lost:
                return False
            if not self._alone:
                self._asked += 1
                number = self._asked
                self._ask({"event": "ask", "id": number, "kind": kind, "values": dict(values)})
                while number not in self._answers and not self._lost and not self._alone:
                    self._news.wait()
                if number in self._answers:
                    return self._answers.pop(number)
            # Its holder died: until the lease ends nobody else can have it. The rest is noted by who comes next.
            return not self._lost and (kind != PUBLISH or clock() < self._until)


def _lost(why: str) -> LeaseLost:
    return LeaseLost(
        f"this work lost its lease: {why}",
        remedy="Nothing is to be done: it goes on elsewhere, or was withdrawn; nothing was published",
    )
