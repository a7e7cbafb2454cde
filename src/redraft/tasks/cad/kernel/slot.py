"""One worker process as the pool sees it: asks, waits no longer than the limit, and explains how it ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.core.errors import WorkerLost
from redraft.tasks.cad.kernel import framing
from redraft.tasks.cad.kernel.launch import LOAD_TIMEOUT, Ended, Launcher, Spawner, resident_mb_of
from redraft.tasks.cad.kernel.outcome import MAX_DETAIL, REASONS, Outcome
from redraft.walls.enclosure import STDERR
from redraft.walls.limits import MB, Limits, held_by_the_system

LOOK_AROUND = 0.5
"""Seconds between two looks, while a job runs, at its folder and, where rlimits do not hold, at its memory."""
MAX_FILES = 2000
MAX_THREADS = 512
END_GRACE = 1.0
"""Seconds that the system gets to take down a process that has let go of its connection."""


class _Beyond(Exception):
    """A limit was reached; reason and detail of the outcome."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class Slot:
    """A started worker. served: jobs so far. alive: it can take another one. walls: what it found at its start."""

    def __init__(self, launcher: Launcher, folder: Path, limits: Limits) -> None:
        self._launcher, self._folder, self._limits = launcher, folder, limits
        self.served, self.alive = 0, True
        self._used_mb = self._used_seconds = 0.0
        folder.mkdir(mode=0o700)
        self._connection, theirs = socket.socketpair()
        self.pid = 0
        try:
            self.pid = launcher.start(theirs, folder, limits)
            self._deadline = time.monotonic() + LOAD_TIMEOUT
            if isinstance(launcher, Spawner):
                self._connection.sendall(launcher.first(folder, limits))
            hello = framing.read_frame(self._receive)
            if "error" in hello:
                raise WorkerLost(
                    f"a kernel process does not start ({hello['error']})", remedy="Run `redraft doctor`"
                )
            self.walls, self._base_mb = dict(hello["walls"]), float(hello["base_mb"])
        except (OSError, framing.FrameError, _Beyond, KeyError, TypeError, ValueError) as error:
            self.end()
            raise WorkerLost(
                f"a kernel process did not start ({type(error).__name__})", remedy="Run `redraft doctor`"
            ) from None
        except WorkerLost:
            self.end()
            raise

    def ask(self, job: str, frame: bytes, timeout: float, serial: int) -> Outcome:
        """The outcome of one request, whose answer must carry its serial number.

        After anything but an answer the worker is gone and `alive` is False.
        """
        self.served += 1
        self._deadline = time.monotonic() + timeout
        try:
            self._send(frame)
            return self._outcome(framing.read_frame(self._receive), serial)
        except _Beyond as beyond:
            self.end()
            return Outcome(beyond.reason, beyond.detail)
        except framing.Closed:
            return self._explain(self.end(END_GRACE), job)
        except framing.FrameError as error:
            self.end()
            return Outcome("crash", f"the process of job {job!r} left the protocol: {error}")
        except OSError:
            return self._explain(self.end(END_GRACE), job)
        except BaseException:  # an interrupted caller; the answer to come must not become another one's
            self.end()
            raise

    def worn(self, jobs: int, grown_mb: float) -> bool:
        """Whether to replace it: so many jobs, so much memory kept, or half of a limit of its life used."""
        return (
            self.served >= jobs
            or self._used_mb > grown_mb
            or self._used_seconds > self._limits.cpu_seconds / 2
            or folder_mb(self._folder) > self._limits.folder_mb / 2
        )

    def fresh(self) -> bool:
        """Whether an idle worker is still there and silent, so that the next job does not pay for its end."""
        try:
            self._connection.settimeout(0)
            self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def end(self, grace: float = 0.0) -> Ended:
        """Ends the worker and removes its folder."""
        self.alive = False
        self._connection.close()
        ended = self._launcher.end(self.pid, grace) if self.pid else Ended(None)
        self._errors = _tail(self._folder / STDERR)
        remove(self._folder)
        return ended

    def disown(self) -> None:
        self._connection.close()

    def _send(self, frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            view = view[self._wait(lambda: self._connection.send(view[: 2**18])) :]  # noqa: B023

    def _receive(self, size: int) -> bytes:
        return bytes(self._wait(lambda: self._connection.recv(size)))

    def _wait(self, step: Callable[[], Any]) -> Any:
        """The step's value; between two tries of LOOK_AROUND seconds the limits are looked at.

        After the deadline what has arrived is still taken: this process may have been kept from looking sooner.
        """
        while True:
            left = max(0.0, self._deadline - time.monotonic())
            self._connection.settimeout(min(left, LOOK_AROUND))
            try:
                return step()
            except (TimeoutError, BlockingIOError):
                if left == 0:
                    raise _Beyond("timeout", "the job reached its time limit") from None
                self._look()

    def _look(self) -> None:
        size = folder_mb(self._folder)
        if size > self._limits.folder_mb:
            raise _Beyond(
                "limit",
                f"the job wrote more than {self._limits.folder_mb} MB or {MAX_FILES} files into its folder",
            )
        if threads_of(self.pid) > MAX_THREADS:
            raise _Beyond("limit", f"the job started more than {MAX_THREADS} threads")
        if not held_by_the_system() and hasattr(self, "_base_mb"):
            used = resident_mb_of(self.pid) - self._base_mb
            if used > self._limits.memory_mb:
                raise _Beyond("memory", f"the job took more than {self._limits.memory_mb} MB")

    def _outcome(self, answer: Any, serial: int) -> Outcome:
        """Checks what the worker says: it is not trusted."""
        try:
            reason, detail, answers = answer["reason"], answer["detail"], answer["serial"]
            used, seconds = float(answer["used_mb"]), float(answer["used_seconds"])
        except (KeyError, TypeError, ValueError):
            raise framing.FrameError("an answer lacks its parts") from None
        if answers != serial:
            raise framing.FrameError("an answer to another request")
        if reason not in REASONS or not isinstance(detail, str):
            raise framing.FrameError("an answer has no reason")
        self._used_mb, self._used_seconds = used - self._base_mb, seconds
        if reason == "ok":
            return Outcome("ok", "", answer.get("value"))
        if reason == "memory":
            self.end()  # libraries rarely survive a failed allocation whole
        return Outcome(reason, detail[:MAX_DETAIL])

    def _explain(self, ended: Ended, job: str) -> Outcome:
        """Why a process that closed its connection within a job has ended."""
        status, name = ended.status, f"job {job!r}"
        if status is None:
            return Outcome("crash", f"the process of {name} ended, and so did the one that started it")
        if ended.forced:
            return Outcome("crash", f"the process of {name} closed its connection and went on")
        if status >= 0:
            return Outcome("crash", f"the process of {name} ended with exit code {status}")
        try:
            ended_by = signal.Signals(-status).name
        except ValueError:
            ended_by = f"signal {-status}"
        if ended_by in ("SIGXCPU", "SIGALRM"):
            return Outcome("timeout", f"{name} used up its processor time ({ended_by})")
        full = ended.peak_mb - self._base_mb > 0.85 * self._limits.memory_mb
        if full or "bad_alloc" in self._errors or "MemoryError" in self._errors:
            return Outcome("memory", f"{name} reached its memory limit ({ended_by})")
        if ended_by == "SIGKILL":
            return Outcome("memory", f"the system ended the process of {name} (SIGKILL): it ran out of memory")
        return Outcome("crash", f"the process of {name} crashed ({ended_by})")


def _tail(path: Path) -> str:
    """The end of what a worker's libraries wrote, if it is a plain file (the worker chose what lies there)."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except OSError:
        return ""
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            return ""
        os.lseek(handle, max(0, facts.st_size - 4096), os.SEEK_SET)
        return os.read(handle, 4096).decode(errors="replace")
    finally:
        os.close(handle)


def folder_mb(folder: Path) -> float:
    """Megabytes of all files in a folder; infinite beyond MAX_FILES entries, so that looking stays cheap."""
    total, seen, open_folders = 0, 0, [folder]
    while open_folders:
        with contextlib.suppress(OSError), os.scandir(open_folders.pop()) as entries:
            for entry in entries:
                seen += 1
                if seen > MAX_FILES:
                    return float("inf")
                if entry.is_dir(follow_symlinks=False):
                    open_folders.append(Path(entry.path))
                else:
                    with contextlib.suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_size
    return total / MB


def threads_of(pid: int) -> int:
    """How many threads a process has; 0 where the system does not say. (No rlimit bounds those of root.)"""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        return int(text.rpartition(")")[2].split()[17])
    except (OSError, IndexError, ValueError):
        return 0


def remove(folder: Path) -> None:
    """Removes a folder however deep a program nested it: what lies below is first brought to the top."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        _flatten(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _flatten(folder: Path) -> None:
    number = 0
    pending = [entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink()]
    while pending:
        deep = pending.pop()
        with contextlib.suppress(OSError):
            for entry in list(deep.iterdir()):
                number += 1
                moved = folder / f"flat-{number}"
                entry.rename(moved)
                if moved.is_dir() and not moved.is_symlink():
                    pending.append(moved)
            deep.rmdir()
