"""`python -m redraft.queue.keeper JOB TOKEN`: holds the lease of one job while it runs, in a session of its own.

It starts the work, writes down what that says, renews the lease, sees within a tenth of a second what is wanted of
the job, and enters how it ended. It is the only writer for its job, and every write carries its token. Server and
worker may come and go meanwhile. When it dies itself, its pipes close, and the work saves and ends.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from redraft.core.errors import LeaseLost, RedraftError, StateError
from redraft.queue import liveness
from redraft.queue.child import Child, Event
from redraft.queue.ending import Asked, conclude
from redraft.queue.jobs import Jobs
from redraft.queue.kinds.base import Start
from redraft.queue.lease import AGAIN, Lease, lease_seconds
from redraft.queue.outbox import Outbox, as_event
from redraft.state.database import Database
from redraft.state.tables import Desired, Job

TICK = 0.05
"""Seconds that the keeper waits for the work to say something."""
LOOK = 0.1
"""Seconds between two looks at what is wanted of the job."""
COMMIT = 1.0
"""Seconds between two commits of what the work says."""
HEARTBEAT = 5.0
"""Seconds between two renewals of the lease where the work says nothing; at most a quarter of the lease."""
DATABASE_PATIENCE = 2.0
"""Seconds to wait for another writer; what cannot be written then is tried again later."""
AT_ONCE = 500
"""Lines of the work that are taken before everything else is looked at again."""
ASKED: dict[Desired, tuple[Literal["pause", "cancel"], str]] = {
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


class Keeper:
    def __init__(self, jobs: Jobs, lease: Lease, patience: Patience = Patience()) -> None:
        self.jobs, self.lease, self.patience = jobs, lease, patience
        self.wanted = Desired.RUN
        self.leaving = False
        """Whether this keeper was asked to give the job back."""
        self.asked = Asked()
        self._kill_at: float | None = None
        self._outbox = Outbox()
        self._questions: deque[Event] = deque()
        self._next_look = self._next_write = self._next_answer = 0.0
        self._renewed = time.monotonic()

    def keep(self) -> None:
        """From the claim to the end; LeaseLost where the job was given to somebody else: nothing runs then."""
        self._take_up()
        liveness.end_job(self.lease.job, grace=1.0)  # of a keeper that could not say any more what it had started
        try:
            start = self._start()
        except LeaseLost:
            raise
        except RedraftError as error:
            conclude(self.lease, error, self.asked)
            return
        self.asked = Asked(resumable=start.resumable)
        self.child = Child(self.lease.job, start, lambda: [self.lease.message()])
        try:
            self._watch()
        except LeaseLost:
            self._abandon()
            raise
        liveness.end_job(self.lease.job, grace=1.0)  # what it left behind, before anybody may begin again
        self._write_all()
        assert self.child.outcome is not None
        conclude(self.lease, self.child.outcome, self.asked)

    def _take_up(self) -> None:
        """Says who keeps the job now, before anything is begun."""
        while self.lease.renew(process={"keeper": liveness.identity()}) is None:
            if self.lease.left() < 0:
                raise LeaseLost(f"the database could not be written in time ({self.lease.unwritten})")
            time.sleep(AGAIN)

    def _start(self) -> Start:
        kinds = self.jobs.kinds or {}

        def read() -> Start:
            with self.jobs.database.write() as session:
                job = session.get(Job, self.lease.job, with_for_update=True)
                if job is None or job.lease_token != self.lease.token:
                    raise LeaseLost("the job was given to somebody else", where=self.lease.job)
                self._run = job.output.get("run", "")
                return kinds[job.kind].start(session, job)

        return self.lease.insist(read)

    def _watch(self) -> None:
        while self.child.outcome is None:
            wait = TICK
            for _ in range(AT_ONCE):
                said = self.child.event(wait)
                if said is None:
                    break
                self._take(said)
                wait = 0.0
            now = time.monotonic()
            if now >= self._next_look:
                self._next_look = now + LOOK
                self._look()
            self._ask_where_wanted()
            self._write_where_due()
            self._answer()
            self._press()

    def _take(self, said: Event) -> None:
        if said["event"] == "ask":
            self._questions.append(said)
            return
        found = as_event(said)
        if found is not None:
            self._outbox.add(*found)

    def _look(self) -> None:
        """What is wanted now. A database that cannot be read now can be later."""
        with contextlib.suppress(StateError):
            self.wanted = self.jobs.desired(self.lease.job, self.lease.token)

    def _ask_where_wanted(self) -> None:
        """Asks the work to stop, and writes at once that it was asked."""
        to: Literal["pause", "cancel", "leave"]
        if self.wanted != Desired.RUN:
            to, sentence = ASKED[self.wanted]
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
        if self.child.changed or now - self._renewed >= min(HEARTBEAT, self.lease.seconds / 4):
            self._next_write = now + COMMIT
            self._renew()
        elif self._outbox.waiting():
            self._next_write = now + COMMIT
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
        self.wanted, self._renewed = wanted, time.monotonic()
        self.child.send(self.lease.message())

    def _write(self) -> bool:
        """One commit of all that is to be told; whether that went well."""
        batch = self._outbox.batch()
        if not self.lease.attempt(lambda: self.jobs.record(self.lease.job, self.lease.token, batch)):
            return False
        self._outbox.written()
        return True

    def _write_all(self) -> None:
        while self._outbox.waiting() and not self._write():
            if self.lease.left() < 0:
                raise LeaseLost(f"the database could not be written in time ({self.lease.unwritten})")
            time.sleep(AGAIN)

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
        self.jobs.published(
            self.lease.job,
            self.lease.token,
            run_id=self._run,
            step=values["step"],
            path=values["path"],
            bytes=values.get("bytes"),
        )

    def _press(self) -> None:
        """Ends by force what does not end by itself."""
        now = time.monotonic()
        if self.lease.left() < 0:
            raise LeaseLost(f"the lease could not be renewed in time ({self.lease.unwritten})")
        if now - self.child.heard_at > self.patience.stuck:
            killed = f"the work said nothing for {self.patience.stuck:.0f} seconds and was ended"
            self.asked = replace(self.asked, killed=killed)
            self.child.kill()
        elif self._kill_at is not None and now > self._kill_at:
            self.child.kill()
        else:
            self.child.let_go_of_dead()

    def _abandon(self) -> None:
        """The lease is lost: nothing is written any more, and nothing is left running."""
        self.child.ask_to_stop("lost")
        deadline = time.monotonic() + self.patience.grace
        while self.child.outcome is None and time.monotonic() < deadline:
            self.child.event(TICK)
        liveness.end_job(self.lease.job, grace=0.0)


def main(kinds: Mapping[str, Any] | None = None, patience: Patience = Patience()) -> int:
    """kinds: of job, those of redraft by default."""
    job, token = sys.argv[1], int(sys.argv[2])
    jobs = Jobs(Database.open(patience=DATABASE_PATIENCE), kinds)
    keeper = Keeper(jobs, Lease(jobs, job, token, lease_seconds()), patience)

    def leave(*_: object) -> None:
        keeper.leaving = True

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        keeper.keep()
    except LeaseLost as error:
        print(f"{job}, token {token}: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
