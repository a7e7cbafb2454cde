"""A server as a person starts it, `redraft serve`, in a process of its own on a state folder of the test's."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2

from state_processes import end_processes_of

PATIENCE = 60.0
"""Seconds for whatever must happen at some time; generous, since many tests share the machine."""


class Served:
    """A running server. url, link: as it printed them; text(): what it has printed so far."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process, self.output = process, output
        self.url = self.link = ""

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def wait_ready(self) -> Served:
        """Waits until it has said where it is; AssertionError with its words where it ends before."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = re.search(r"(http://\S+)/\?code=\S+", self.text())
            if found:
                self.link, self.url = found.group(0), found.group(1)
                return self
            assert self.process.poll() is None, self.text()
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.text()}")

    def client(self, home: Path) -> httpx2.Client:
        token = (home / "token").read_text().split()[0]
        return httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REDRAFT_", "DEEPSYNTH_"))}
    return {**kept, "REDRAFT_HOME": str(home), "OMP_NUM_THREADS": "1", **more}


def redraft(
    home: Path, *words: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command of the command line, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "redraft", *words],
        env=environment(home, **(variables or {})),
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
    )


@contextlib.contextmanager
def serving(home: Path, output: Path, *words: str, variables: Mapping[str, str] | None = None) -> Iterator[Served]:
    """`redraft serve --port 0 WORDS`; whatever it started ends with the block."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "redraft", "serve", "--port", "0", *words],
            env=environment(home, **(variables or {})),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield Served(process, output)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        end_processes_of(home)
