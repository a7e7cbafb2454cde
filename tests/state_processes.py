"""Ends whatever works on the state folder of a test."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil


def end_processes_of(home: Path, seconds: float = 30.0) -> None:
    """Kills the servers, workers, keepers and work of this state folder, also those that others of them start
    meanwhile. AssertionError where some are left after `seconds`."""
    deadline = time.monotonic() + seconds
    while found := _processes_of(home):
        assert time.monotonic() < deadline, [process.pid for process in found]
        for process in found:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.05)


def _processes_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            of_it = process.environ().get("REDRAFT_HOME") == str(home)
            if of_it and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:  # ended, or another user's
            continue
    return found
