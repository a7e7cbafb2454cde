"""Who is alive: processes named beyond doubt, and every process of a job, whoever its parent is now.

A process id alone says nothing, since the system gives it away again. With the time at which the process started,
counted since the machine did, and the identity of that start, it names one process for ever.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

MARK = "REDRAFT_JOB"
"""Set in the environment of a job's processes to the job's id. Children inherit it in whatever session they are,
so the processes of a job are found even when the one that started them is gone."""
HOST = "REDRAFT_HOST"
"""A name for this machine in place of its own; two machines at one database need different names."""
_PROC = Path("/proc")


def host() -> str:
    """This machine's name among those that share a database."""
    return os.environ.get(HOST) or socket.gethostname()


def boot() -> str:
    """Names this start of this machine, and within it the container: a process id means something only there."""
    try:
        start = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{start}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return str(round(psutil.boot_time()))


def identity(pid: int | None = None) -> dict[str, Any]:
    """{"pid", "started", "boot"} of a process, this one by default; psutil.NoSuchProcess where there is none."""
    pid = os.getpid() if pid is None else pid
    return {"pid": pid, "started": _started(pid), "boot": boot()}


def identity_or_none(pid: int) -> dict[str, Any] | None:
    """As `identity`; None where there is no such process any more."""
    try:
        return identity(pid)
    except psutil.NoSuchProcess:
        return None


def here(process: Mapping[str, Any]) -> bool:
    """Whether that process is or was one of this machine since its last start, so that `alive` can know of it."""
    return process.get("boot") == boot()


def alive(process: Mapping[str, Any] | None) -> bool:
    """Whether this very process runs; one that has ended and was not waited for does not."""
    if not process or not here(process):
        return False
    pid = int(process["pid"])
    try:
        if _started(pid) != process["started"]:
            return False
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def of_job(job: str) -> list[int]:
    """The processes of a job on this machine: all that carry its mark, and what those have started."""
    marked = [pid for pid, mark in _marks() if mark == job]
    found = dict.fromkeys(marked)
    for pid in marked:
        with contextlib.suppress(psutil.Error):
            found |= dict.fromkeys(child.pid for child in psutil.Process(pid).children(recursive=True))
    return [pid for pid in found if _is_running(pid)]


def signal_job(job: str, hard: bool) -> int:
    """Asks every process of a job to end (SIGTERM), or ends it (SIGKILL); how many there were."""
    found = of_job(job)
    for pid in found:
        with contextlib.suppress(OSError):
            if hard and os.name == "posix":
                os.kill(pid, signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGTERM)
    return len(found)


def end_job(job: str, grace: float) -> int:
    """Ends every process of a job and returns when none is left: asked first, killed after `grace` seconds.

    How many there were at first. What appears in between is ended as well.
    """
    count = signal_job(job, hard=grace <= 0)
    deadline = time.monotonic() + grace
    while of_job(job):
        if time.monotonic() >= deadline:
            signal_job(job, hard=True)
        time.sleep(0.02)
    return count


def _marks() -> Iterator[tuple[int, str]]:
    """Every process of this user that carries a mark."""
    if not _PROC.is_dir():
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                mark = process.environ().get(MARK)
                if mark:
                    yield process.pid, mark
        return
    wanted = f"{MARK}=".encode()
    for pid in psutil.pids():
        with contextlib.suppress(OSError):  # another user's, or ended in between
            data = Path(_PROC, str(pid), "environ").read_bytes()
            if wanted in data:
                for entry in data.split(b"\0"):
                    if entry.startswith(wanted):
                        yield pid, entry[len(wanted) :].decode(errors="replace")


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def _started(pid: int) -> float:
    """When a process started, in units that no change of the clock moves: since the machine's start on Linux."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except FileNotFoundError:
        if _PROC.is_dir():
            raise psutil.NoSuchProcess(pid) from None
        return round(float(psutil.Process(pid).create_time()), 2)
    except ProcessLookupError:
        raise psutil.NoSuchProcess(pid) from None
    # The name in parentheses may hold anything, even parentheses; the start is the 20th field after it.
    return float(stat.rpartition(b")")[2].split()[19])
