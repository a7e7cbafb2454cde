"""Processes are named beyond doubt, and those of a job are found wherever they went."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redraft.queue import liveness

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# Goes to a session of its own with a child, which ignores requests to end, and leaves both behind.
SCATTER = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
    subprocess.Popen([sys.executable, "-c", deaf])
    time.sleep(60)
"""


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    found: list[subprocess.Popen[bytes]] = []
    yield found
    for process in found:
        process.kill()
        process.wait()


def test_a_process_lives_until_it_has_ended_and_another_with_its_number_is_not_it(
    started: list[subprocess.Popen[bytes]],
) -> None:
    process = subprocess.Popen(SLEEP)
    started.append(process)
    name = liveness.identity(process.pid)
    assert liveness.alive(name) and liveness.alive(liveness.identity())
    assert not liveness.alive({**name, "started": name["started"] - 1})
    assert not liveness.alive({**name, "boot": "another"}) and not liveness.here({**name, "boot": "another"})
    process.kill()
    while Path(f"/proc/{process.pid}/stat").read_text().split()[2] != "Z":
        time.sleep(0.01)
    assert not liveness.alive(name)  # it is a zombie
    process.wait()
    assert not liveness.alive(name) and not liveness.alive(None)


def test_a_process_with_an_odd_name_is_known_by_its_start(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    odd = tmp_path / "a) S 1 (b"
    odd.symlink_to("/bin/sleep")
    process = subprocess.Popen([odd, "60"])
    started.append(process)
    other = subprocess.Popen(["/bin/sleep", "60"])
    started.append(other)
    assert abs(liveness.identity(process.pid)["started"] - liveness.identity(other.pid)["started"]) < 500


def test_all_processes_of_a_job_are_found_and_ended_and_no_others(started: list[subprocess.Popen[bytes]]) -> None:
    job = f"job-of-{os.getpid()}"
    started.append(subprocess.Popen([sys.executable, "-c", SCATTER], env={**os.environ, liveness.MARK: job}))
    started.append(subprocess.Popen(SLEEP, env={**os.environ, liveness.MARK: job + "-2"}))
    started[0].wait()  # what it has started is nobody's child now
    while len(liveness.of_job(job)) < 2:
        time.sleep(0.01)
    assert liveness.signal_job(job, hard=False) == 2 and len(liveness.of_job(job)) == 2
    assert liveness.end_job(job, grace=0.2) == 2
    assert liveness.of_job(job) == [] and liveness.of_job(job + "-2") == [started[1].pid]
    assert started[1].poll() is None
