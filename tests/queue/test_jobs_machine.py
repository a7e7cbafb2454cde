"""Two workers on two hosts, whose heartbeats get lost, and a clock that jumps: the queue does as its model says.

Every step is done to the real queue and to tests/queue/queue_model.py; then all rows, checkpoints and events must
be what the model says. Leases that are long over go on being used: they must change nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from plain_work import BOTH, PLAIN
from queue_model import Known, Model, Refused, Stale
from sqlalchemy import select
from sqlalchemy.orm import Session

from databases import emptied
from redraft.core.errors import Conflict, LeaseLost, NotFound
from redraft.queue.events import after
from redraft.queue.jobs import Jobs
from redraft.state.database import Database
from redraft.state.tables import Checkpoint, Job

ERROR = {"kind": "InputError", "what": "it broke", "where": "", "remedy": "", "exit_code": 1}
HOSTS = st.sampled_from(["h1", "h2"])
SECONDS = st.sampled_from([10.0, 30.0, 300.0])


class MachineDatabase(Database):
    """Its clock stands still until the machine moves it, so that every comparison of times is exact."""

    time = 1_000_000.0

    def now(self, session: Session) -> float:
        return self.time


class QueueMachine(RuleBasedStateMachine):
    ids = Bundle("ids")
    leases = Bundle("leases")

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = MachineDatabase(emptied(database).engine)
        self.queue = Jobs(self.database, PLAIN)
        self.model = Model()
        self.seen = 0
        self.told: dict[str, str] = {}
        self.tokens: dict[str, int] = defaultdict(int)

    def both(self, real: Callable[[], Any], model: Callable[[], Any]) -> Any:
        """Does it to both; they must agree about the answer too."""
        try:
            expected = model()
        except Stale:
            with pytest.raises(LeaseLost):
                real()
        except Refused:
            with pytest.raises(Conflict):
                real()
        except KeyError:
            with pytest.raises(NotFound):
                real()
        else:
            answer = real()
            if expected is not None:
                assert answer == expected
            return answer
        return None

    @initialize(target=ids, needs=st.booleans())
    def begin(self, needs: bool) -> Any:
        """Some jobs to begin with: most steps are then about work and not about an empty queue."""
        assert self.queue.page().items == []
        made = [self.submit("stepwise", 0, []), self.submit("plain", 1, []), self.submit("stepwise", 0, [])]
        return multiple(*made, self.submit("plain", 0, made[:1] if needs else []))

    # people

    @rule(
        target=ids,
        kind=st.sampled_from(["plain", "stepwise"]),
        priority=st.integers(-1, 1),
        needs=st.lists(ids, max_size=2),
    )
    def submit(self, kind: str, priority: int, needs: list[str]) -> Any:
        needs = sorted(set(needs))
        job = Known("", PLAIN[kind].resource, priority, needs)
        try:
            made = self.queue.submit(kind, {}, priority=priority, needs=needs)
        except NotFound:
            assert any(id not in self.model.jobs for id in needs)
            return multiple()
        except Conflict:
            with pytest.raises(Refused):
                self.model.submit(job)
            return multiple()
        job.id = made.id
        self.model.submit(job)
        return made.id

    @rule(id=ids, ask=st.sampled_from(["pause", "resume", "cancel"]))
    def wish(self, id: str, ask: str) -> None:
        self.both(lambda: getattr(self.queue, ask)(id), lambda: getattr(self.model, ask)(id))

    @rule(id=ids, files=st.booleans())
    def delete(self, id: str, files: bool) -> None:
        self.both(lambda: self.queue.delete(id, files=files), lambda: self.model.delete(id, files))

    # workers

    @rule(target=leases, host=HOSTS, resources=st.sampled_from([["light"], BOTH, BOTH]), seconds=SECONDS)
    def claim(self, host: str, resources: list[str], seconds: float) -> Any:
        expected = self.model.next(resources)
        job = self.queue.claim(f"worker on {host}", resources, host=host, seconds=seconds)
        assert (job.id if job else None) == (expected.id if expected else None)
        if job is None or expected is None:
            return multiple()
        self.model.claim(expected, host, seconds)
        assert job.lease_token > self.tokens[job.id], "a token was given out twice"
        return (job.id, job.lease_token)

    @rule(lease=leases, seconds=SECONDS)
    def heartbeat(self, lease: tuple[str, int], seconds: float) -> None:
        self.both(
            lambda: self.queue.heartbeat(*lease, seconds=seconds, progressed=True),
            lambda: self.model.heartbeat(*lease, seconds),
        )

    @rule(lease=leases, steps=st.integers(0, 2))
    def publish(self, lease: tuple[str, int], steps: int) -> None:
        job = self.model.jobs.get(lease[0])
        if job is not None and job.resource == "light":
            return
        run = f"run of {lease[0]}" if job is None else self.queue.get(lease[0]).output["run"]
        step = (max(job.steps, default=0) if job is not None else 0) + steps
        self.both(
            lambda: self.queue.published(*lease, run_id=run, step=step, path=f"step-{step}") and None,
            lambda: self.model.published(*lease, step),
        )

    @precondition(lambda self: self.running("device"))
    @rule(which=st.integers(0, 3), steps=st.integers(0, 2))
    def holder_publishes(self, which: int, steps: int) -> None:
        """By a lease that holds: most of those that were ever given out are over."""
        found = self.running("device")
        job = found[which % len(found)]
        self.publish((job.id, job.token), steps)

    @rule(target=leases, host=HOSTS)
    def work_goes_on(self, host: str) -> Any:
        """The next job is taken as soon as its pause is over."""
        waits = [job.not_before for job in self.model.jobs.values() if job.state == "queued"]
        if waits and min(waits) > self.model.now:
            self.clock_jumps(min(waits) - self.model.now)
        return self.claim(host, BOTH, 30.0)

    @precondition(lambda self: self.running())
    @rule(which=st.integers(0, 3), how=st.sampled_from(["fail", "rescue", "paused"]))
    def attempt_ends(self, which: int, how: str) -> None:
        found = self.running()
        lease = (found[which % len(found)].id, found[which % len(found)].token)
        if how == "fail":
            self.fail(lease, True)
        elif how == "rescue":
            self.both(lambda: self.queue.rescue(*lease, "killed"), lambda: self.model.rescue(*lease))
        else:
            self.paused(lease, True)

    def running(self, *resources: str) -> list[Known]:
        found = [job for job in self.model.jobs.values() if job.state == "running"]
        return sorted((job for job in found if job.resource in (resources or BOTH)), key=lambda job: job.id)

    @rule(lease=leases)
    def record(self, lease: tuple[str, int]) -> None:
        self.both(
            lambda: self.queue.record(*lease, [("metric", {"token": lease[1]})]),
            lambda: self.model.held(*lease) and None,
        )

    @rule(lease=leases)
    def finish(self, lease: tuple[str, int]) -> None:
        self.both(lambda: self.queue.finish(*lease, {"by": lease[1]}), lambda: self.model.finish(*lease))

    @rule(lease=leases, retry=st.booleans())
    def fail(self, lease: tuple[str, int], retry: bool) -> None:
        self.both(lambda: self.queue.fail(*lease, ERROR, retry=retry), lambda: self.model.fail(*lease, retry))

    @rule(lease=leases, asked=st.booleans())
    def paused(self, lease: tuple[str, int], asked: bool) -> None:
        self.both(
            lambda: self.queue.paused(*lease, "it rests", asked=asked), lambda: self.model.paused(*lease, asked)
        )

    @rule(lease=leases)
    def released(self, lease: tuple[str, int]) -> None:
        self.both(lambda: self.queue.released(*lease, "in order"), lambda: self.model.released(*lease))

    @rule(lease=leases)
    def ended(self, lease: tuple[str, int]) -> None:
        self.both(lambda: self.queue.ended(*lease), lambda: self.model.ended(*lease))

    @rule(lease=consumes(leases))
    def holder_dies(self, lease: tuple[str, int]) -> None:
        """Its own host sees the death at once, whatever the clock says."""
        self.both(lambda: self.queue.rescue(*lease, "killed"), lambda: self.model.rescue(*lease))

    @rule(host=HOSTS)
    def rescue_silent_ones(self, host: str) -> None:
        found = self.queue.expired(host_not=host)
        assert [job.id for job in found] == self.model.expired(host)
        for job in found:
            self.queue.rescue(job.id, job.lease_token, "its host is silent")
            self.model.rescue(job.id, job.lease_token)

    # time

    @rule(seconds=st.sampled_from([1.0, 6.0, 31.0, 31.0, 400.0, 7200.0, -1.0, -31.0, -7200.0]))
    def clock_jumps(self, seconds: float) -> None:
        self.model.now += seconds
        self.database.time = self.model.now

    # what holds after every step

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        with self.database.read() as session:
            rows = {job.id: job for job in session.scalars(select(Job))}
            points = list(session.scalars(select(Checkpoint)))
        assert rows.keys() == self.model.jobs.keys()
        latest = Counter(point.run_id for point in points if point.latest)
        for id, job in self.model.jobs.items():
            row = rows[id]
            assert (row.state, row.desired_state, row.stalled) == (job.state, job.desired, job.stalled)
            assert (row.lease_token, row.attempt, row.not_before) == (job.token, job.attempt, job.not_before)
            assert (row.lease_expires_at, row.delete_files) == (job.expires, job.files)
            if job.state == "running":
                assert (row.host, row.lease_owner) == (job.host, f"worker on {job.host}")
            mine = {point.step: point for point in points if point.run_id == row.output.get("run")}
            assert {step: point.token for step, point in mine.items()} == job.steps
            if job.latest is not None:
                assert mine[job.latest].latest and latest[row.output["run"]] == 1
                assert row.checkpoint_id == mine[job.latest].id

    @invariant()
    def events_tell_the_same_story(self) -> None:
        for event in after(self.database, self.seen, limit=100_000):
            assert event.id > self.seen
            self.seen = event.id
            id = str(event.job_id)
            if event.kind == "state":
                self.told[id] = event.data["state"]
            elif event.kind == "attempt":
                assert event.data["token"] > self.tokens[id]
                self.tokens[id] = event.data["token"]
            elif event.kind == "deleted":
                del self.told[id]
            elif event.kind in ("metric", "checkpoint"):
                token = event.data.get("token", self.tokens[id])
                assert token == self.tokens[id], "a holder wrote after its lease was over"
        assert self.told == {id: job.state for id, job in self.model.jobs.items()}


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def run(database: Database, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        lambda: QueueMachine(database),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=QUIET
        ),
    )


def test_the_queue_does_as_its_model_says(database: Database) -> None:
    run(database, examples=25, steps=50)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_queue_does_as_its_model_says_at_length(database: Database) -> None:
    run(database, examples=600, steps=60)
