"""A machine with jobs on it, all of them real processes, and a hand that kills them: seeded and bounded."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos_works import Work

from redraft.core.errors import LeaseLost
from redraft.queue import liveness
from redraft.queue.events import after
from redraft.queue.jobs import Jobs
from redraft.state.database import VARIABLE, Database
from redraft.state.tables import ENDED, Job
from state_processes import end_processes_of

PROBE = Path(__file__).parent / "chaos_probe"


@dataclass(frozen=True)
class Kill:
    """at: seconds since 1970. token: of the attempt that it met, where it met one. ready: seconds until the killed
    server answered again."""

    role: str
    at: float
    job: str = ""
    token: int = 0
    ready: float | None = None


class World:
    """Used as a context: nothing of it is left at its end, however it went. url: of a PostgreSQL database; SQLite
    in `folder` without one. slots: jobs at once."""

    def __init__(self, folder: Path, work: Work, url: str | None, seed: int, *, slots: int = 2) -> None:
        self.home, self.records, self.work, self.slots = folder / "home", folder / "records", work, slots
        for path in (self.home, self.records):
            path.mkdir(parents=True)
        self.random = random.Random(seed)
        self._before = dict(os.environ)
        os.environ["REDRAFT_HOME"] = str(self.home)  # also for what this process submits
        self.environment = {
            **os.environ,
            "REDRAFT_CHAOS": str(self.records),
            "REDRAFT_DEVICE_SLOTS": str(slots),
            "PYTHONPATH": os.pathsep.join([str(PROBE), *filter(None, [os.environ.get("PYTHONPATH")])]),
            **work.environment,
            VARIABLE: url or f"sqlite:///{self.home / 'redraft.sqlite'}",
        }
        self.database = Database.open(self.environment[VARIABLE])
        self.jobs = Jobs(self.database, work.kinds)
        self.submitted: list[str] = []
        self.kills: list[Kill] = []
        self.stale_tried = self.stale_done = 0
        self._attacked: dict[str, int] = {}
        self.process, self.first_ready = work.start(self.environment, self.log)
        self.payload = work.prepare(self.jobs)

    @property
    def log(self) -> Path:
        return self.records / "process.log"

    def submit(self) -> str:
        self.submitted.append(self.jobs.submit(self.work.kind, self.payload).id)
        return self.submitted[-1]

    def undisturbed(self) -> str:
        """A job that nobody disturbs, done."""
        id = self.submit()
        self.until_ended()
        return id

    def run(self, kills: int, pace: float, *, seconds: float = 1e9) -> None:
        """So many kills, about `pace` seconds apart and for `seconds` at most; then peace until all jobs end."""
        end = time.monotonic() + seconds
        roles = self.work.roles
        while len(self.kills) < kills and time.monotonic() < end:
            while sum(self.jobs.get(id).state not in ENDED for id in self.submitted[-self.slots :]) < self.slots:
                self.submit()
            pause = time.monotonic() + self.random.expovariate(1 / pace)
            while time.monotonic() < pause:
                time.sleep(0.02)
                self._keep_up()
            self.kill_one(self.random.choices(list(roles), list(roles.values()))[0])
            self._attack_all()
        self.until_ended()

    def until_training(self, id: str, seconds: float = 180.0) -> None:
        """Once an attempt at it that nobody has killed has done a step, as the database says."""
        deadline = time.monotonic() + seconds
        killed = max((kill.token for kill in self.kills if kill.job == id), default=0)
        while time.monotonic() < deadline:
            events = after(self.database, 0, job=id, kinds=("attempt", "metric"), limit=100_000)
            attempts = [e.id for e in events if e.kind == "attempt" and e.data["token"] > killed]
            begun = max(attempts, default=sys.maxsize)
            if any(event.id > begun and event.data.get("kind") == "step" for event in events):
                return
            self._keep_up()
            time.sleep(0.05)
        raise AssertionError(str(self.jobs.get(id).reason))

    def until_ended(self, seconds: float = 900.0) -> None:
        deadline = time.monotonic() + seconds
        for id in self.submitted:
            while self.jobs.get(id).state not in ENDED and time.monotonic() < deadline:
                self._keep_up()
                time.sleep(0.05)

    def _keep_up(self) -> float:
        """Starts the server or worker again where it has ended, as a machine would."""
        if self.process.poll() is None:
            return 0.0
        self.process, ready = self.work.start(self.environment, self.log)
        return ready

    def kill_one(self, role: str, id: str | None = None) -> bool:
        """Whether there was such a process; id: of the one job that may be meant.

        Work that came no further in two attempts is spared until it has: three of those are a job's end.
        """
        if role == "server":
            self.process.kill()
            self.process.wait()
            self.kills.append(Kill(role, time.time(), ready=self._keep_up()))
            return True
        if role == "worker":
            living = [row.process for row in self.jobs.workers() if liveness.alive(row.process)]
            return any(self._kill(role, process) for process in living[:1])
        meant = [id] if id else self.submitted
        running = [job for job in self.jobs.running() if job.id in meant and job.stalled < 3]
        self.random.shuffle(running)
        which = "keeper" if role == "keeper" else "child"
        return any(self._kill(role, (job.process or {}).get(which), job) for job in running[:1])

    def _kill(self, role: str, process: dict[str, Any] | None, job: Job | None = None) -> bool:
        if not process or not liveness.alive(process):
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(process["pid"], signal.SIGKILL)
            self.kills.append(Kill(role, time.time(), job.id if job else "", job.lease_token if job else 0))
            return True
        return False

    def _attack_all(self) -> None:
        """Writes as the holder of each attempt that is over would: every one must be refused."""
        for job in self.jobs.running():
            if job.lease_token > 1 and self._attacked.get(job.id) != job.lease_token:
                self._attacked[job.id] = job.lease_token
                self._attack(job, job.lease_token - 1)

    def _attack(self, job: Job, old: int) -> None:
        run = str((job.output or {}).get("run"))
        said = ("log", {"message": "stale", "level": "info"})
        for write in (
            lambda: self.jobs.heartbeat(job.id, old),
            lambda: self.jobs.record(job.id, old, [said]),
            lambda: self.jobs.published(job.id, old, run_id=run, step=10**6, path="stale"),
            lambda: self.jobs.finish(job.id, old, {"stale": True}),
            lambda: self.jobs.paused(job.id, old, "stale"),
        ):
            self.stale_tried += 1
            with contextlib.suppress(LeaseLost):
                write()
                self.stale_done += 1

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        end_processes_of(self.home)
        self.process.wait()
        self.database.close()
        os.environ.clear()
        os.environ.update(self._before)
