"""What a keeper does while the work runs: writes down what it says, sees what is wanted, answers, presses."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from redraft.core.errors import LeaseLost
from redraft.queue import liveness
from redraft.queue.keeping.child import Child, Event
from redraft.queue.keeping.ending import Asked
from redraft.queue.keeping.lease import AGAIN, AWAY, Lease
from redraft.queue.keeping.outbox import Outbox, as_event
from redraft.state.tables import Desired

TICK = 0.05
"""Seconds that the keeper waits for the work to say something."""
LOOK = 0.1
"""Seconds between two looks at what is wanted of the job."""
COMMIT = 1.0
"""Seconds between two commits, at most an eighth of the lease."""
HEARTBEAT = 5.0
"""Seconds between two renewals of the lease where the work says nothing; at most a quarter of the lease."""
AT_ONCE = 500
"""Lines of the work that are taken before everything else is looked at again."""
WISHES: dict[Desired, tuple[Literal["pause", "cancel"], str]] = {
    Desired.PAUSE: ("pause", "asked to save and pause"),
    Desired.CANCEL: ("cancel", "asked to stop"),
    Desired.DELETE: ("cancel", "asked to stop, to be deleted"),
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the keeper waits, in seconds.

    grace: for the work to end once it was cancelled; then it is killed. stuck: for a word from the work; then it
    counts as dead, since a heartbeat without progress is none.
    """

    grace: float = 20.0
    stuck: float = 1800.0


USUAL = Patience()


class Watch:
    """Of one child under one lease. run: the id of what it trains, where it trains."""

    def __init__(self, child: Child, lease: Lease, patience: Patience, asked: Asked, run: str) -> None:
        self.child, self.lease, self.patience, self.asked = child, lease, patience, asked
        self.leaving = False
        """Set where the keeper was asked to give the job back."""
        self._run = run
        self._wanted = Desired.RUN
        self._kill_at: float | None = None
        self._outbox = Outbox()
        self._questions: deque[Event] = deque()
        self._next_look = self._next_write = self._next_answer = 0.0
        self._renewed, self._has_renewed = time.monotonic(), False

    def watch(self) -> None:
        """To the child's end. LeaseLost where the job is another's, or its lease cannot be renewed."""
        while self.child.outcome is None:
            self._listen()
            now = time.monotonic()
            if now >= self._next_look:
                self._next_look = now + LOOK
                with contextlib.suppress(*AWAY):  # it can be read later
                    self._wanted = self.lease.jobs.desired(self.lease.job, self.lease.token)
            self._ask_where_wanted()
            self._write_where_due()
            self._answer()
            self._press()

    def write_all(self) -> None:
        """What has been said and is not written yet."""
        while self._outbox.waiting() and not self._write():
            self.lease.check()
            time.sleep(AGAIN)

    def _listen(self) -> None:
        wait = TICK
        for _ in range(AT_ONCE):
            said = self.child.event(wait)
            if said is None:
                return
            wait = 0.0
            if said["event"] == "ask":
                self._questions.append(said)
            elif (found := as_event(said)) is not None:
                self._outbox.add(*found)

    def _ask_where_wanted(self) -> None:
        """Asks the work to stop, and writes at once that it was asked."""
        to: Literal["pause", "cancel", "leave"]
        if self._wanted != Desired.RUN:
            to, sentence = WISHES[self._wanted]
        elif self.leaving:
            to, sentence = "leave", "asked to save: the job goes back to the queue"
        else:
            return
        if self.asked.to == to:
            return
        if not self.asked.to:
            self.child.ask_to_stop("cancel" if to == "cancel" else "pause")
        if to == "cancel":
            self._kill_at = time.monotonic() + self.patience.grace
        self.asked = replace(self.asked, to=to)
        self._outbox.add("log", {"message": sentence, "level": "info"})
        self._next_write = 0.0

    def _write_where_due(self) -> None:
        now = time.monotonic()
        if now < self._next_write:
            return
        due = self.child.changed or now - self._renewed >= min(HEARTBEAT, self.lease.seconds / 4)
        waiting = self._outbox.waiting()
        if due or waiting:
            self._next_write = now + min(COMMIT, self.lease.seconds / 8)
        if due and not (waiting and self._has_renewed):
            self._has_renewed = True  # the next turn is for what waits
            self._renew()
        elif waiting:
            self._has_renewed = False
            self._write()

    def _renew(self) -> None:
        """Renews the lease, and tells the work for how long."""
        facts: dict[str, Any] = {}
        if self.child.changed:
            facts["process"] = {"keeper": liveness.identity(), "child": self.child.identity()}
        wanted = self.lease.renew(progressed=self._outbox.heard, **facts)
        if wanted is None:
            self.child.changed = self.child.changed or "process" in facts
            return
        self._outbox.heard = False
        self._wanted, self._renewed = wanted, time.monotonic()
        self.child.send(self.lease.message())

    def _write(self) -> bool:
        """One commit of all that is to be told; whether that went well."""
        batch = self._outbox.batch()
        if not self.lease.attempt(lambda: self.lease.jobs.record(self.lease.job, self.lease.token, batch)):
            return False
        self._outbox.written()
        return True

    def _answer(self) -> None:
        """Answers what the work has asked; a question that cannot be answered now waits, and the work with it."""
        while self._questions and time.monotonic() >= self._next_answer:
            question = self._questions[0]
            try:
                done = self.lease.attempt(partial(self._grant, question["kind"], question["values"]))
            except LeaseLost:
                self.child.send({"answer": question["id"], "granted": False})
                raise
            if not done:
                self._next_answer = time.monotonic() + AGAIN
                return
            self._questions.popleft()
            self.child.send({"answer": question["id"], "granted": True})

    def _grant(self, kind: str, values: Mapping[str, Any]) -> None:
        """core.permit.Permit.publish says what is asked."""
        if kind == "publish":
            self.lease.beat()
            return
        self.lease.jobs.published(
            self.lease.job,
            self.lease.token,
            run_id=self._run,
            step=values["step"],
            path=values["path"],
            bytes=values.get("bytes"),
        )

    def _press(self) -> None:
        """Ends by force what does not end by itself."""
        self.lease.check()
        now = time.monotonic()
        if now - self.child.heard_at > self.patience.stuck:
            killed = f"the work said nothing for {self.patience.stuck:.0f} seconds and was ended"
            self.asked = replace(self.asked, killed=killed)
            self.child.kill()
        elif self._kill_at is not None and now > self._kill_at:
            self.child.kill()
        else:
            self.child.let_go_of_dead()
