"""The queue as it should be, in plain Python: what the state machine holds the real one against.

It is written from docs/jobs.md, job by job and without a database, so that it can be read beside that page.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from redraft.queue.jobs.endings import BACKOFF, MAX_STALLED
from redraft.queue.jobs.reading import FAR

ENDED = ("finished", "failed", "cancelled")
LOST = {"failed": "failed", "cancelled": "was cancelled"}


class Refused(Exception):
    """What the real queue answers with a Conflict."""


class Stale(Exception):
    """What it answers with LeaseLost."""


@dataclass
class Known:
    id: str
    resource: str
    priority: int
    needs: list[str]
    state: str = "queued"
    desired: str = "run"
    stalled: int = 0
    token: int = 0
    attempt: int = 0
    not_before: float = 0.0
    expires: float | None = None
    host: str | None = None
    files: bool = False
    for_needs: bool = False
    """It failed only because one that it needs did not finish."""
    for_deleted: bool = False
    steps: dict[int, int] = field(default_factory=dict)
    """Of its checkpoints: the token of each step."""
    latest: int | None = None


class Model:
    def __init__(self) -> None:
        self.jobs: dict[str, Known] = {}
        self.now = 1_000_000.0

    # what follows for others

    def dependants(self, id: str) -> list[Known]:
        return [job for job in self.jobs.values() if id in job.needs]

    def unmet(self, job: Known) -> list[str]:
        return [id for id in job.needs if self.jobs[id].state != "finished"]

    def rest(self, job: Known, state: str) -> None:
        job.state, job.expires = state, None
        job.desired = {"paused": "pause", "cancelled": "cancel"}.get(state, "run")

    def enqueue(self, job: Known, delay: float = 0.0) -> None:
        job.not_before = self.now + delay if delay else 0.0
        self.rest(job, "waiting" if self.unmet(job) else "queued")

    def end(self, job: Known, state: str) -> None:
        self.rest(job, state)
        self.fail_dependants(job)

    def fail_dependants(self, job: Known, deleted: bool = False) -> None:
        for other in self.dependants(job.id):
            waits = other.state in ("waiting", "paused")
            if waits or deleted:
                other.for_needs, other.for_deleted = True, deleted
            if waits:
                self.end(other, "failed")

    def remove(self, job: Known) -> None:
        if job.state != "finished" or job.files:
            self.fail_dependants(job, deleted=True)
        for other in self.dependants(job.id):
            other.needs.remove(job.id)
        del self.jobs[job.id]

    def obstacle(self, job: Known) -> bool:
        return (job.for_needs and job.for_deleted) or any(self.jobs[id].state in LOST for id in job.needs)

    def reopen(self, job: Known) -> None:
        for other in self.dependants(job.id):
            if other.state == "failed" and other.for_needs and not self.obstacle(other):
                other.for_needs = False
                self.enqueue(other)
                self.reopen(other)

    # what people ask for

    def submit(self, job: Known) -> None:
        if any(self.jobs[id].state in LOST or self.jobs[id].desired in ("cancel", "delete") for id in job.needs):
            raise Refused
        self.jobs[job.id] = job
        self.enqueue(job)

    def pause(self, id: str) -> None:
        job = self.jobs[id]
        if job.state in ENDED or (job.state == "running" and job.desired in ("cancel", "delete")):
            raise Refused
        if job.state == "running":
            job.desired = "pause"
        else:
            self.rest(job, "paused")

    def resume(self, id: str) -> None:
        job = self.jobs[id]
        if job.state == "finished" or (job.state == "running" and job.desired in ("cancel", "delete")):
            raise Refused
        if job.state == "running":
            job.desired = "run"
        elif job.state in ("paused", "failed", "cancelled"):
            if self.obstacle(job):
                raise Refused
            ended = job.state in ENDED
            job.stalled, job.for_needs = 0, False
            self.enqueue(job)
            if ended:
                self.reopen(job)

    def cancel(self, id: str) -> None:
        job = self.jobs[id]
        if job.state in ("finished", "failed") or (job.state == "running" and job.desired == "delete"):
            raise Refused
        if job.state == "running":
            job.desired = "cancel"
        elif job.state != "cancelled":
            self.end(job, "cancelled")

    def delete(self, id: str, files: bool) -> None:
        job = self.jobs[id]
        if files and job.state == "finished" and any(other.state not in ENDED for other in self.dependants(id)):
            raise Refused
        job.files = job.files or files
        if job.state == "running":
            job.desired = "delete"
        else:
            self.remove(job)

    # what workers do

    def next(self, resources: list[str]) -> Known | None:
        ready = [
            job
            for job in self.jobs.values()
            if job.state == "queued"
            and job.resource in resources
            and (job.not_before <= self.now or job.not_before > self.now + FAR)
        ]
        return min(ready, key=lambda job: (-job.priority, job.id), default=None)

    def claim(self, job: Known, host: str, seconds: float) -> None:
        job.state, job.host, job.expires = "running", host, self.now + seconds
        job.token += 1
        job.attempt += 1
        job.stalled += 1

    def held(self, id: str, token: int) -> Known:
        job = self.jobs.get(id)
        if job is None or job.state != "running" or job.token != token:
            raise Stale
        return job

    def heartbeat(self, id: str, token: int, seconds: float) -> str:
        job = self.held(id, token)
        job.expires = self.now + seconds
        return job.desired

    def published(self, id: str, token: int, step: int) -> None:
        job = self.held(id, token)
        if all(other < step for other in job.steps):
            job.stalled = 0
        job.steps[step] = token
        job.latest = step

    def wish(self, job: Known) -> None:
        if job.desired == "delete":
            self.remove(job)
        elif job.desired == "cancel":
            self.end(job, "cancelled")
        elif job.desired == "pause":
            self.rest(job, "paused")

    def finish(self, id: str, token: int) -> None:
        job = self.held(id, token)
        deleted = job.desired == "delete"
        job.stalled = 0
        self.rest(job, "finished")
        if not (deleted and job.files):
            for other in self.dependants(id):
                if other.state == "waiting":
                    self.enqueue(other)
        if deleted:
            self.remove(job)

    def over(self, id: str, token: int, retry: bool, backoff: tuple[float, ...]) -> None:
        job = self.held(id, token)
        if job.desired in ("cancel", "delete"):
            self.wish(job)
        elif retry and job.stalled < MAX_STALLED:
            if job.desired == "pause":
                self.rest(job, "paused")
            else:
                self.enqueue(job, backoff[max(job.stalled - 1, 0)])
        else:
            self.end(job, "failed")

    def fail(self, id: str, token: int, retry: bool) -> None:
        self.held(id, token).for_needs = False
        self.over(id, token, retry, BACKOFF[1:])

    def rescue(self, id: str, token: int) -> None:
        self.held(id, token).for_needs = False
        self.over(id, token, True, BACKOFF)

    def paused(self, id: str, token: int, asked: bool) -> None:
        job = self.held(id, token)
        job.stalled = max(0, job.stalled - 1)
        if job.desired in ("cancel", "delete"):
            self.wish(job)
        elif asked and job.desired == "run":
            self.enqueue(job)
        else:
            self.rest(job, "paused")

    def released(self, id: str, token: int) -> None:
        job = self.held(id, token)
        job.stalled = max(0, job.stalled - 1)
        if job.desired == "run":
            self.enqueue(job)
        else:
            self.wish(job)

    def ended(self, id: str, token: int) -> None:
        job = self.held(id, token)
        if job.desired not in ("cancel", "delete"):
            raise Refused
        self.wish(job)

    def expired(self, host_not: str) -> list[str]:
        return sorted(
            job.id
            for job in self.jobs.values()
            if job.state == "running"
            and job.expires is not None
            and job.host != host_not
            and (job.expires <= self.now or job.expires > self.now + 2 * FAR)
        )
