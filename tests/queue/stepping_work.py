"""Jobs of real processes for the tests of keepers and workers: the work is the verb of `tasks/stepping`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy.orm import Session

from redraft.queue import liveness
from redraft.queue.events import after
from redraft.queue.executors.local import LocalExecutor
from redraft.queue.jobs import Jobs
from redraft.queue.keeper import main
from redraft.queue.keeping.watching import Patience
from redraft.queue.kinds import Kind, Payload, Start
from redraft.queue.working import Worker
from redraft.state.database import Database
from redraft.state.places import RUNS, new_id, place
from redraft.state.tables import Event, Job, Run

HERE = Path(__file__).parent
PROGRAM = (str(Path(__file__)),)
GRACE = 2.0
"""Seconds that cancelled work, and the work of dead keepers, has here."""


class SteppingPayload(Payload):
    request: dict[str, Any]


class Stepping(Kind[SteppingPayload]):
    name, title, resource = "stepping", "Work in steps", "device"
    payload = SteppingPayload

    def plan(self, session: Session, job: Job, payload: SteppingPayload) -> list[str]:
        id = new_id("run")
        session.add(Run(id=id, name=id, folder=str(place(RUNS, id)), recipe={}, created_at=job.created_at))
        job.output = {"run": id}
        return []

    def start(self, session: Session, job: Job) -> Start:
        folder = place(RUNS, job.output["run"])
        return Start("stepping.go", {**self.of(job).request, "folder": str(folder)}, folder)

    def finished(self, session: Session, job: Job, value: Mapping[str, Any]) -> None:
        run = session.get(Run, job.output["run"])
        assert run is not None
        run.status = "finished"

    def removed(self, session: Session, job: Job, files: bool) -> list[Path]:
        run = session.get(Run, job.output["run"]) if files else None
        if run is not None:
            session.delete(run)
        return [place(RUNS, job.output["run"])] if files else []


KINDS: Mapping[str, Kind[Any]] = {"stepping": Stepping()}


def state_after(steps: int) -> str:
    """What undisturbed work comes to."""
    state = "begin"
    for step in range(steps):
        state = hashlib.sha256(f"{state} {step + 1}".encode()).hexdigest()
    return state


class Bench:
    """A queue of stepping jobs, one worker in this process, and everything that it started, to be ended."""

    def __init__(self, database: Database, **slots: int) -> None:
        self.database = database
        self.jobs = Jobs(database, KINDS)
        self.slots = slots or {"device": 1, "light": 1}
        self.executor = LocalExecutor(GRACE, PROGRAM)
        self.worker = Worker(self.jobs, self.slots, {"local": self.executor}, lambda sentence: None)

    def submit(self, **request: Any) -> str:
        return self.jobs.submit("stepping", {"request": {"steps": 20, **request}}).id

    def until(self, true: Callable[[], Any], seconds: float = 30.0, *, working: bool = True) -> Any:
        """What `true` says once it says something, the worker being at work meanwhile unless told not to."""
        deadline = time.monotonic() + seconds
        while not (found := true()):
            assert time.monotonic() < deadline, self.story()
            if working:
                self.worker.round()
            time.sleep(0.1)
        return found

    def until_state(self, id: str, *states: str, seconds: float = 30.0) -> Job:
        self.until(lambda: self.jobs.get(id).state in states, seconds)
        return self.jobs.get(id)

    def stepping(self, id: str) -> Job:
        """Once its work has begun to step."""
        self.until(lambda: self.events(id, "metric"))
        return self.jobs.get(id)

    def events(self, id: str, *kinds: str) -> list[Event]:
        return after(self.database, 0, job=id, kinds=kinds or None, limit=100_000)

    def process(self, id: str, which: str) -> dict[str, Any]:
        """The identity of its keeper or its child, once it has said so."""
        found: dict[str, Any] = self.until(lambda: (self.jobs.get(id).process or {}).get(which))
        return found

    def folder(self, id: str) -> Path:
        return place(RUNS, self.jobs.get(id).output["run"])

    def story(self) -> str:
        rows = [
            f"{job.id} {job.state} {job.desired_state} {job.reason} {job.error}" for job in self.jobs.page().items
        ]
        logs = [path.read_text() for path in place("jobs", "x").parent.glob("*/*.log")]
        events = [f"{event.job_id} {event.kind} {event.data}" for event in after(self.database, 0)][-40:]
        return "\n".join([*rows, *events, *logs])

    def end(self) -> None:
        """Ends every keeper and all work of this state, however the test went: also what it has frozen."""
        for job in self.jobs.page(limit=1000).items:
            for process in [*(job.process or {}).values(), (job.handle or {}).get("keeper")]:
                if process and liveness.alive(process):
                    os.kill(process["pid"], signal.SIGKILL)
            liveness.end_job(job.id, 0.0)
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if PROGRAM[0] in child.cmdline():  # a keeper of which the database does not know (any more)
                    child.kill()
        self.until(lambda: not self.executor.started(), working=False)


def run_worker(*arguments: str) -> subprocess.Popen[str]:
    """`redraft worker` for stepping jobs as a process of its own."""
    command = [sys.executable, str(HERE / "stepping_worker.py"), *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


if __name__ == "__main__":
    sys.exit(main(KINDS, Patience(grace=GRACE, stuck=5.0)))
