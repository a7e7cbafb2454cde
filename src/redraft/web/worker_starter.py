"""Sees to it that jobs are taken: starts a worker where none lives on this machine, and another when it dies.

The worker is a process of its own session: it goes on when the server is killed, and the next server finds it.
Where none comes, it ends once nothing is left to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time

import structlog

from redraft.core.errors import RedraftError
from redraft.core.home import home
from redraft.queue import liveness
from redraft.queue.jobs import Jobs
from redraft.state.database import VARIABLE
from redraft.state.tables import WorkerRow

LOOK = 2.0
"""Seconds between two looks."""
TO_REGISTER = 15.0
"""Seconds that a started worker gets to register before another is tried."""
LOG = "worker.log"
_log = structlog.get_logger("redraft.web.worker")


class WorkerStarter:
    """database: its URL, for the worker's environment; None as `Database.open` finds it."""

    def __init__(self, jobs: Jobs, database: str | None = None) -> None:
        self._jobs = jobs
        self._url = database
        self._started: subprocess.Popen[bytes] | None = None
        self._when = 0.0

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            with contextlib.suppress(RedraftError):  # the database is away for now; requests tell of it
                await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK)

    def look(self) -> None:
        """Starts a worker where none lives; StateError where the database does not answer."""
        begun = self._started
        if begun is not None and begun.poll() is not None:
            _log.warning("the worker has ended", code=begun.returncode, log=LOG)
            self._started = None
        if time.monotonic() - self._when < TO_REGISTER and begun is not None and self._started is begun:
            return
        if self.living() is None:
            self._start()

    def living(self) -> WorkerRow | None:
        """A worker that lives on this machine."""
        here = [row for row in self._jobs.workers() if row.host == liveness.host() and liveness.here(row.process)]
        return next((row for row in here if liveness.alive(row.process)), None)

    def _start(self) -> None:
        folder = home() / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, **({VARIABLE: self._url} if self._url else {})}
        with (folder / LOG).open("ab") as log:
            self._started = subprocess.Popen(
                [sys.executable, "-m", "redraft", "worker", "--while-served"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._when = time.monotonic()
        _log.info("a worker was started", pid=self._started.pid)
