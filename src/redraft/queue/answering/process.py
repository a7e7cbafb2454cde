"""Finds the answering process of this state folder, or starts it; several callers find the same one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2

import redraft
from redraft.core.answers import ERRORS, answering_folder, socket_path
from redraft.core.errors import WorkerLost
from redraft.core.home import home

PATIENCE = 60.0
"""Seconds until a process that was started must answer; it loads no model for that."""
LOOK = 0.05
LAST_WORDS = 3
MOST_WORDS = 1_000_000
"""Bytes of the file of last words above which it is begun anew."""
GOODBYE = 3.0
"""Seconds that closing waits for the process to end."""
SECRETS = ("REDRAFT_DATABASE", "REDRAFT_TOKEN")
"""What the process does not need to know."""


class AnsweringProcess:
    """The way to one process. environment: what it gets besides this process's own variables."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self.socket, self._folder = socket_path(), answering_folder()
        self._environment = {"REDRAFT_HOME": str(home()), **(environment or {})}
        self._lock = asyncio.Lock()
        self._started: subprocess.Popen[bytes] | None = None
        self.client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(uds=str(self.socket)),
            base_url="http://answering",
            timeout=httpx2.Timeout(None, connect=5.0),
            # A connection that was kept could be one to a process that has just ended.
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def ready(self) -> httpx2.AsyncClient:
        """A client whose other end answers. WorkerLost, with its last words, where it cannot be started."""
        async with self._lock:
            health = await self._health()
            if health is not None and health["version"] != redraft.__version__:
                await self._end(health)
                health = None
            if health is None:
                await self._start()
        return self.client

    async def _health(self) -> dict[str, Any] | None:
        try:
            answer = await self.client.get("/health", timeout=10.0)
        except httpx2.TransportError:
            return None
        return dict(answer.json()) if answer.status_code == 200 else None

    async def _start(self) -> None:
        folder = self._folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with (folder / ERRORS).open("ab" if _size(folder / ERRORS) < MOST_WORDS else "wb") as errors:
                self._started = subprocess.Popen(
                    [sys.executable, "-m", "redraft.worker.answering"],
                    stdin=subprocess.DEVNULL,
                    stdout=errors,
                    stderr=errors,
                    env={name: value for name, value in os.environ.items() if name not in SECRETS}
                    | self._environment,
                    start_new_session=True,  # a Ctrl-C in the terminal is for the server, which ends it in order
                )
            while time.monotonic() < until:
                health = await self._health()
                if health is not None:
                    self._keep_if(health["pid"])
                    return
                code = self._started.poll()
                if code == 0:
                    break  # another one holds the lock: it starts, or it ends and leaves the place free
                if code is not None:
                    raise WorkerLost(
                        f"the process that answers does not start (it ended with {code})",
                        remedy=f"Its last words: {last_words(folder / ERRORS)}",
                    )
                await asyncio.sleep(LOOK)
            await asyncio.sleep(LOOK)
        raise WorkerLost(
            f"the process that answers did not begin to answer in {PATIENCE:.0f} s",
            remedy=f"Its last words: {last_words(folder / ERRORS)}",
        )

    def _keep_if(self, pid: int) -> None:
        """Ends the process that we started where another caller's was faster: once that one ended, ours, still on
        its way, would take its place for nobody."""
        if self._started is not None and self._started.pid != pid:
            self._started.kill()
            self._started.wait()
            self._started = None

    async def _end(self, health: dict[str, Any]) -> None:
        """Asks a process of another version to end, and waits until it has."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and await self._health() is not None:
            try:
                await self.client.post("/end", timeout=10.0)
            except httpx2.TransportError:
                return
            await asyncio.sleep(LOOK)

    async def close(self) -> None:
        """Lets go of the connection; a process that we started is asked to end after what is under way."""
        started = self._started
        if started is not None and started.poll() is None:
            with contextlib.suppress(httpx2.TransportError):  # it has ended by itself
                await self.client.post("/end", timeout=5.0)
            with contextlib.suppress(subprocess.TimeoutExpired):  # it finishes what others have asked
                await asyncio.to_thread(started.wait, GOODBYE)
        await self.client.aclose()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def last_words(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").split("\n")
    except OSError:
        return "none"
    return " | ".join([line.strip() for line in lines if line.strip()][-LAST_WORDS:]) or "none"
