"""The parent's side of starting and ending worker processes. Two ways with the same methods.

`ForkServer` (Linux): one child interpreter loads the jobs once and forks a worker in milliseconds; only it waits
for workers and signals them, so no signal can ever reach a process that has got an old number again.
`Spawner` (elsewhere, where forking after loading libraries is not safe): one interpreter a worker, about a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from redraft.core.errors import WorkerLost
from redraft.tasks.cad.kernel import framing
from redraft.walls.enclosure import STDERR
from redraft.walls.limits import Limits

LOAD_TIMEOUT = 120.0
"""Seconds for loading the jobs' libraries, cold from a slow disk."""
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR")
"""The only variables handed on: without them libraries, or Python itself, may not load."""
_REMEDY = "Run `redraft doctor`, which names what is missing"


@dataclass(frozen=True, slots=True)
class Ended:
    """status: exit code, or minus the signal; None where it is not known. peak_mb: the most memory it held.
    forced: it did not end by itself in the time it was given, and was killed."""

    status: int | None
    peak_mb: float = 0.0
    forced: bool = False


class ServerLost(WorkerLost):
    """The fork server is gone; another one can be started."""


class Launcher(Protocol):
    def start(self, connection: socket.socket, folder: Path, limits: Limits) -> int:
        """A worker process that serves the other end of `connection`; its process id. Closes `connection`."""
        ...

    def end(self, pid: int, grace: float) -> Ended:
        """Waits up to `grace` seconds for it to end by itself, then kills it and its group."""
        ...

    def close(self) -> None: ...

    def disown(self) -> None:
        """In a forked copy of the parent: lets go of descriptors, touches no process."""
        ...


def _environment(folder: Path) -> dict[str, str]:
    """What a child interpreter starts with; a worker empties it before its first job.

    The fixed hash seed lets libraries that go through sets write the same files in every process.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    places = {name: str(folder) for name in ("HOME", "TMPDIR", "TEMP", "TMP")}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    return {**kept, **single, **places, "PYTHONPATH": path, "PYTHONUTF8": "1", "PYTHONHASHSEED": "0"}


def _interpreter(way: str) -> list[str]:
    return [sys.executable, "-P", "-m", "redraft.tasks.cad.kernel.process", way]


def _start_interpreter(command: list[str], folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    """Its errors go to a file in `folder`, for the sentence that says why it did not start."""
    with (folder / STDERR).open("ab") as errors:
        return subprocess.Popen(
            command, env=_environment(folder), cwd=folder, stdout=subprocess.DEVNULL, stderr=errors, **options
        )


def _why(folder: Path, error: str) -> WorkerLost:
    if not error:
        with contextlib.suppress(OSError):
            lines = (folder / STDERR).read_text(errors="replace").strip().splitlines()
            error = lines[-1] if lines else ""
    return WorkerLost(f"the geometry kernel does not start ({error or 'no reason given'})", remedy=_REMEDY)


class ForkServer:
    """Starts when made; a WorkerLost says why it could not."""

    def __init__(self, jobs: str, folder: Path) -> None:
        self._lock, self._folder = threading.Lock(), folder
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _start_interpreter(
                [*_interpreter("fork"), str(theirs.fileno())],
                folder,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        try:
            answer = self._ask({"load": jobs, "folder": str(folder)}, LOAD_TIMEOUT)
        except ServerLost:
            self.close()
            raise _why(folder, "") from None
        if "error" in answer:
            self.close()
            raise _why(folder, str(answer["error"]))

    def _ask(self, message: dict[str, Any], timeout: float, handle: int | None = None) -> dict[str, Any]:
        packet = json.dumps(message).encode()
        with self._lock:
            try:
                self._control.settimeout(timeout)
                if handle is None:
                    self._control.send(packet)
                else:
                    socket.send_fds(self._control, [packet], [handle])
                answer = self._control.recv(65536)
            except OSError:
                answer = b""
        if not answer:
            raise ServerLost("the kernel's fork server ended", remedy="Run the command again")
        return dict(json.loads(answer))

    def start(self, connection: socket.socket, folder: Path, limits: Limits) -> int:
        with connection:
            message = {"start": {"folder": str(folder), "limits": limits.as_data()}}
            answer = self._ask(message, 30.0, connection.fileno())
        if "error" in answer:
            raise WorkerLost(str(answer["error"]), remedy="Free some memory, or use fewer workers")
        return int(answer["pid"])

    def end(self, pid: int, grace: float) -> Ended:
        try:
            answer = self._ask({"end": pid, "grace": grace}, grace + 30.0)
        except ServerLost:
            return Ended(None)  # the system has ended its workers with it
        return Ended(answer.get("status"), float(answer.get("peak_mb", 0.0)), bool(answer.get("forced")))

    def close(self) -> None:
        with contextlib.suppress(OSError):  # wakes a thread that waits for an answer
            self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def disown(self) -> None:
        self._control.close()
        self._process.returncode = 0  # not this process's child: Popen must neither wait for it nor warn


class Spawner:
    """One interpreter a worker."""

    def __init__(self, jobs: str, folder: Path) -> None:
        self._jobs, self._lock = jobs, threading.Lock()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._closed = False

    def start(self, connection: socket.socket, folder: Path, limits: Limits) -> int:
        with connection:
            if sys.platform == "win32":
                process = _start_interpreter(_interpreter("spawn"), folder, stdin=subprocess.PIPE)
                shared = connection.share(process.pid)
                assert process.stdin is not None
                with process.stdin as pipe:
                    pipe.write(len(shared).to_bytes(4, "big") + shared)
            else:
                process = _start_interpreter(
                    [*_interpreter("spawn"), str(connection.fileno())],
                    folder,
                    stdin=subprocess.DEVNULL,
                    pass_fds=[connection.fileno()],
                    start_new_session=True,
                )
        with self._lock:
            self._processes[process.pid] = process
            closed = self._closed
        if closed:
            self.end(process.pid, 0.0)
        return process.pid

    def first(self, folder: Path, limits: Limits) -> bytes:
        """The frame that a spawned worker reads before anything else."""
        return framing.encode({"load": self._jobs, "folder": str(folder), "limits": limits.as_data()})

    def end(self, pid: int, grace: float) -> Ended:
        with self._lock:
            process = self._processes.pop(pid, None)
        if process is None:
            return Ended(None)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return Ended(process.wait(grace) if grace else process.wait(0.001))
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        process.kill()
        return Ended(process.wait(), forced=True)

    def close(self) -> None:
        with self._lock:
            self._closed = True
        for pid in list(self._processes):
            self.end(pid, 0.0)

    def disown(self) -> None:
        for process in self._processes.values():
            process.returncode = 0


def resident_mb_of(pid: int) -> float:
    """Megabytes that another process holds, for systems whose limits do not hold; 0 when it is gone."""
    import psutil  # slow to load, and only needed there

    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0
