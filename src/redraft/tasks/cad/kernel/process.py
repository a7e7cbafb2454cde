"""The child side: a fork server that has loaded the jobs once, and the worker processes that do them.

Started as `python -m redraft.tasks.cad.kernel.process fork FD` (Linux) or `... spawn [FD]` (elsewhere). The fork
server reads nothing that a worker wrote: it only forks, waits and kills.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.core.errors import RedraftError, Refusal
from redraft.tasks.cad.kernel import framing
from redraft.tasks.cad.kernel.faults import KernelFault
from redraft.tasks.cad.kernel.outcome import MAX_DETAIL
from redraft.walls import enclosure
from redraft.walls.limits import limits_from_data, resident_mb

Jobs = dict[str, Callable[[dict[str, Any]], Any]]
LOOK_AROUND = 0.25
"""Seconds between two looks of the fork server at whether its parent still lives."""
ORPHAN_GRACE = 5.0
"""Seconds beyond a job's time limit after which a worker ends by itself; the pool has killed it long before."""
MAX_STDERR = 65536


def load_jobs(module: str) -> Jobs:
    return dict(importlib.import_module(module).JOBS)


def fork_server(control: socket.socket) -> None:
    """Serves "start" and "end" until the parent closes its side or is gone; then nothing is left of the pool.

    One message is one packet of JSON: {"load": module} first; {"start": {folder, limits}} with the worker's
    descriptor; {"end": pid, "grace": seconds}.
    """
    parent, children, folder = os.getppid(), set[int](), None
    try:
        first = json.loads(control.recv(65536) or b"null")
        folder = first["folder"]
        try:
            jobs = load_jobs(first["load"])
        except BaseException as error:
            control.send(json.dumps({"error": f"{type(error).__name__}: {error}"[:MAX_DETAIL]}).encode())
            return
        gc.collect()
        gc.freeze()  # the forked copies leave these pages shared
        control.send(json.dumps({"ready": True}).encode())
        while True:
            if not select.select([control], [], [], LOOK_AROUND)[0]:
                if os.getppid() != parent:
                    return
                continue
            text, handles, _, _ = socket.recv_fds(control, 65536, 1)
            if not text:
                return
            message = json.loads(text)
            if "start" in message:
                answer = _start(control, handles[0], jobs, message["start"], children)
            else:
                answer = _end(message["end"], message["grace"], children)
            control.send(json.dumps(answer).encode())
    except (ConnectionError, KeyError, TypeError, ValueError):
        return
    finally:
        for pid in list(children):
            _end(pid, 0.0, children)
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _start(
    control: socket.socket, handle: int, jobs: Jobs, start: dict[str, Any], children: set[int]
) -> dict[str, Any]:
    server = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(handle)
        return {"error": f"no process could be started ({error.strerror})"}
    if pid == 0:
        try:
            control.close()
            os.setpgid(0, 0)
            enclosure.end_with_parent()
            if os.getppid() != server:
                os._exit(1)
            _work(handle, jobs, start)
        finally:
            os._exit(1)
    os.close(handle)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    children.add(pid)
    return {"pid": pid}


def _end(pid: int, grace: float, children: set[int]) -> dict[str, Any]:
    """Waits `grace` seconds for a process that seems to end, then kills its group. Never signals a reaped pid."""
    if pid not in children:
        return {"error": "no such process"}
    until, forced = time.monotonic() + grace, False
    while True:
        done, status, used = os.wait4(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() >= until:
            forced = True
            _kill(pid)
            done, status, used = os.wait4(pid, 0)
            break
        time.sleep(0.001)
    children.discard(pid)
    return {"status": os.waitstatus_to_exitcode(status), "peak_mb": used.ru_maxrss / 1024, "forced": forced}


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            kill(pid, signal.SIGKILL)


def _work(handle: int, jobs: Jobs, start: dict[str, Any]) -> None:
    """What a forked worker does from its first to its last moment."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)
    own = Path(start["folder"])
    handle = _only_descriptor(handle, own)
    facts = enclosure.enclose(own, limits_from_data(start["limits"]))
    serve(jobs, facts, lambda size: os.read(handle, size), lambda frame: _write_all(handle, frame))


def _only_descriptor(handle: int, own: Path) -> int:
    """Closes every descriptor but `handle`, which becomes 3; errors of libraries go to a file of its own."""
    null = os.open(os.devnull, os.O_RDWR)
    errors = os.open(own / enclosure.STDERR, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    kept = os.dup(handle) if handle < 4 else handle
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(errors, 2)
    os.dup2(kept, 3)
    os.closerange(4, max(int(entry.name) for entry in Path("/proc/self/fd").iterdir()) + 1)
    return 3


def _write_all(handle: int, frame: bytes) -> None:
    view = memoryview(frame)
    while view:
        view = view[os.write(handle, view) :]


def serve(jobs: Jobs, facts: dict[str, Any], receive: framing.Receive, send: Callable[[bytes], None]) -> None:
    """Answers requests {"job", "payload", "timeout", "serial"} until the caller closes the connection."""
    send(framing.encode({"walls": facts, "base_mb": resident_mb()}))
    while True:
        try:
            request = framing.read_frame(receive)
        except framing.Closed:
            return
        _alarm(float(request["timeout"]) + ORPHAN_GRACE)
        send(answer(jobs, request))
        _alarm(0)
        del request
        with contextlib.suppress(OSError):
            if os.fstat(2).st_size > MAX_STDERR:
                os.ftruncate(2, 0)


def _alarm(seconds: float) -> None:
    """The system ends this process after so many seconds (0: never), should the pool no longer be there to."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def answer(jobs: Jobs, request: dict[str, Any]) -> bytes:
    """The frame {"serial", "reason", "detail", "value", "used_mb", "used_seconds"}: the last two its memory
    and processor time so far. Whatever a job does that does not end the process becomes such an answer."""
    reason, detail, value = run(jobs, request["job"], request["payload"])
    used = {"serial": request["serial"], "used_mb": resident_mb(), "used_seconds": time.process_time()}
    try:
        return framing.encode({"reason": reason, "detail": detail, "value": value, **used})
    except MemoryError:
        reason, detail = "memory", "the result does not fit into the memory limit"
    except framing.FrameError as error:
        reason, detail = "execute", f"the job's result cannot be sent: {error}"
    return framing.encode({"reason": reason, "detail": detail, "value": None, **used})


def run(jobs: Jobs, job: str, payload: dict[str, Any]) -> tuple[str, str, Any]:
    """Reason, detail and value of a job. The reasons are explained in `outcome`."""
    try:
        if job not in jobs:
            raise KernelFault("execute", f"there is no job {job!r}", remedy=f"Jobs are {', '.join(jobs)}")
        return "ok", "", jobs[job](payload)
    except Refusal as error:
        return error.code, _line(error), None
    except KernelFault as error:
        return error.reason, _line(error), None
    except MemoryError:
        return "memory", "the job reached its memory limit", None
    except RedraftError as error:
        return "execute", _line(error), None
    except RecursionError:
        return "limit", "the input is nested too deep", None
    except BaseException as error:
        name = type(error).__name__
        reason = "memory" if "OutOfMemory" in name or "bad_alloc" in str(error) else "execute"
        return reason, _line(f"{name}: {error}" if str(error) else name), None


def _line(error: object) -> str:
    return " ".join(str(error).split())[:MAX_DETAIL].encode(errors="replace").decode()


def spawned(connection: socket.socket) -> None:
    """A worker process of its own, where forking is not safe: it loads the jobs itself."""
    connection.settimeout(None)
    first = framing.read_frame(connection.recv)
    try:
        jobs = load_jobs(first["load"])
        facts = enclosure.enclose(Path(first["folder"]), limits_from_data(first["limits"]))
    except BaseException as error:
        connection.sendall(framing.encode({"error": f"{type(error).__name__}: {error}"[:MAX_DETAIL]}))
        return
    if sys.platform == "win32":
        serve(jobs, facts, connection.recv, connection.sendall)
    else:  # no socket calls, which the walls may deny
        handle = connection.detach()
        serve(jobs, facts, lambda size: os.read(handle, size), lambda frame: _write_all(handle, frame))


def main(arguments: list[str]) -> None:
    if sys.platform == "win32":
        size = int.from_bytes(sys.stdin.buffer.read(4), "big")
        connection = socket.fromshare(sys.stdin.buffer.read(size))
    else:
        connection = socket.socket(fileno=int(arguments[1]))
    {"fork": fork_server, "spawn": spawned}[arguments[0]](connection)


if __name__ == "__main__":
    main(sys.argv[1:])
