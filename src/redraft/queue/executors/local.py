"""Keepers as processes of this machine, each in a session of its own: no terminal, worker or server ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import psutil

from redraft.core.errors import Busy
from redraft.queue import liveness
from redraft.queue.executors.base import Handle, Life
from redraft.queue.keeping.logs import KEEPER, BoundedLog, job_folder
from redraft.state.tables import Job

GRACE = 20.0
"""Seconds that the work of a dead keeper has to save and end."""
PROGRAM = ("-m", "redraft.queue.keeper")


class LocalExecutor:
    name = "local"

    def __init__(self, grace: float = GRACE, program: Sequence[str] = PROGRAM) -> None:
        """grace: in seconds. program: what Python is to run as the keeper, before the job's id and its token."""
        self.grace, self.program = grace, program
        self._started: dict[int, subprocess.Popen[bytes]] = {}
        self._ending: dict[str, float] = {}

    def submit(self, job: Job) -> dict[str, Any]:
        folder = job_folder(job.id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with BoundedLog(folder / KEEPER).appending() as log:
                process = subprocess.Popen(
                    [sys.executable, *self.program, job.id, str(job.lease_token)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            raise Busy(
                f"no keeper can be started now ({error.strerror})",
                where=job.id,
                remedy="It is tried again; see what this machine lacks: disk, memory or processes",
            ) from error
        self._started[process.pid] = process
        try:
            return {"job": job.id, "keeper": liveness.identity(process.pid)}
        except psutil.NoSuchProcess:  # it has ended already, and says why in its log
            return {"job": job.id, "keeper": {"pid": process.pid, "started": 0.0, "boot": liveness.boot()}}

    def poll(self, handle: Handle) -> Life:
        self.started()
        keeper = handle["keeper"]
        if not liveness.here(keeper):
            return "unknown"
        return "alive" if liveness.alive(keeper) else "dead"

    def stop(self, handle: Handle, hard: bool = False) -> None:
        if self.poll(handle) == "alive":
            os.kill(handle["keeper"]["pid"], signal.SIGKILL if hard and os.name == "posix" else signal.SIGTERM)

    def recover(self, handle: Handle) -> bool:
        job = handle["job"]
        if not liveness.of_job(job):
            self._ending.pop(job, None)
            return True
        if job not in self._ending:
            # Not asked: it has seen its keeper go (the end of its standard input) and is saving. A second request
            # would break that off.
            self._ending[job] = time.monotonic() + self.grace
        elif time.monotonic() > self._ending[job]:
            liveness.signal_job(job, hard=True)
        return False

    def started(self) -> int:
        """How many keepers that this process has started run still; those that have ended leave no zombies."""
        for pid, process in list(self._started.items()):
            if process.poll() is not None:
                del self._started[pid]
        return len(self._started)


def executor() -> LocalExecutor:
    return LocalExecutor()
