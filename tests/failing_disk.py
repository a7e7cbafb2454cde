"""A disk that fails at a chosen write: the real system calls of a child process are held, counted and answered.

The child gets a seccomp filter, and a supervisor (this process) decides on each call: let it go on, fail it with
an error number, or end the child by SIGKILL before it is done. So nothing in the code under test is replaced, and
calls of libraries in Rust and C are met too. Source: `Documentation/userspace-api/seccomp_filter.rst`, "Userspace
Notification", and `include/uapi/linux/seccomp.h`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

CALLS = {
    # name: (x86_64, aarch64, how its file is named)
    "write": (1, 64, "handle"),
    "pwrite64": (18, 68, "handle"),
    "writev": (20, 66, "handle"),
    "pwritev": (296, 70, "handle"),
    "pwritev2": (328, 287, "handle"),
    "copy_file_range": (326, 285, "third"),
    "sendfile": (40, 71, "handle"),
    "ftruncate": (77, 46, "handle"),
    "fallocate": (285, 47, "handle"),
    "fsync": (74, 82, "handle"),
    "fdatasync": (75, 83, "handle"),
    "fchmod": (91, 52, "handle"),
    "open": (2, None, "path"),
    "openat": (257, 56, "at"),
    "rename": (82, None, "path"),
    "renameat": (264, 38, "at"),
    "renameat2": (316, 276, "at"),
    "mkdir": (83, None, "path"),
    "mkdirat": (258, 34, "at"),
    "chmod": (90, None, "path"),
    "fchmodat": (268, 53, "at"),
    "unlink": (87, None, "path"),
    "unlinkat": (263, 35, "at"),
    "rmdir": (84, None, "path"),
}
FREES = ("unlink", "unlinkat", "rmdir", "fsync", "fdatasync", "ftruncate", "chmod", "fchmod", "fchmodat")
"""Calls that a full disk does not refuse."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_COLUMN, _ARCH, _SECCOMP = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}.get(
    platform.machine(), (None, 0, 0)
)
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTIFY, _ALLOW, _CONTINUE = 0x7FC00000, 0x7FFF0000, 1


@dataclass
class Outcome:
    """calls: names of the calls that could fail, in order; places: the file of each. failed: the name of the one
    that did. code: how the child ended, negative for a signal."""

    calls: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    failed: str = ""
    code: int = 0


def available() -> str:
    """Empty, or why this machine cannot do it."""
    if not sys.platform.startswith("linux") or _COLUMN is None:
        return "needs Linux on x86_64 or aarch64"
    try:
        done = under(lambda: 0, Path("/nonexistent"), at=None, fault=None)
    except OSError as error:
        return f"no seccomp listener here ({error})"
    return "" if done.code == 0 else "no seccomp listener here"


def under(
    work: Callable[[], int], root: Path, at: int | None, fault: int | None, lasting: bool = False
) -> Outcome:
    """Does the work in a child; its exit code is what it returns, 99 where it raises.

    at: which call on files below root fails, from 0; None: none. fault: an error number, or None for SIGKILL.
    lasting: every later call fails too, but for those that make room, as on a full disk.
    """
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    child = os.fork()
    if child == 0:
        code = 98
        try:
            mine.close()
            handle = _filter()
            socket.send_fds(theirs, [b"x" if handle >= 0 else b"-"], [handle] if handle >= 0 else [])
            os.close(handle)
            code = work()
        except BaseException:
            traceback.print_exc()
            code = 99
        finally:
            os._exit(code)
    theirs.close()
    said, handles, _, _ = socket.recv_fds(mine, 1, 1)
    mine.close()
    if said != b"x":
        os.waitpid(child, 0)
        raise OSError(errno.ENOSYS, "seccomp refused the filter")
    try:
        return _supervise(child, handles[0], str(root.resolve()), at, fault, lasting)
    finally:
        os.close(handles[0])


def _supervise(child: int, handle: int, root: str, at: int | None, fault: int | None, lasting: bool) -> Outcome:
    outcome = Outcome()
    names = {numbers[_COLUMN]: (name, numbers[2]) for name, numbers in CALLS.items()}
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    while True:
        ready = poll.poll(50)
        if not ready or not ready[0][1] & select.POLLIN:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                outcome.code = os.waitstatus_to_exitcode(status)
                return outcome
            continue
        received = bytearray(80)
        try:
            fcntl.ioctl(handle, _RECEIVE, received)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                continue
            raise
        identity, process, _, number, _, _, *arguments = struct.unpack("<QIIiIQ6Q", received)
        name, how = names[number]
        answer = 0
        place = _place(process, name, how, arguments)
        if place == root or place.startswith(root + "/"):
            count = len(outcome.calls)
            outcome.calls.append(name)
            outcome.places.append(place)
            hit = at is not None and (count == at or (lasting and count > at and name not in FREES))
            if hit and fault is None:
                outcome.failed = name
                os.kill(child, signal.SIGKILL)
            elif hit:
                outcome.failed = outcome.failed or name
                answer = fault or 0
        reply = struct.pack("<QqiI", identity, 0, -answer, 0 if answer else _CONTINUE)
        try:
            fcntl.ioctl(handle, _SEND, reply)
        except OSError as error:
            if error.errno != errno.ENOENT:  # the child has ended
                raise


def _place(process: int, name: str, how: str, arguments: list[int]) -> str:
    """The file that a call is about to change; empty for one that only reads."""
    try:
        if how in ("handle", "third"):
            place = str(Path(f"/proc/{process}/fd/{arguments[2 if how == 'third' else 0]}").readlink())
        else:
            pointer = arguments[0] if how == "path" else arguments[1]
            place = _text(process, pointer)
            if name in ("open", "openat") and not arguments[1 if how == "path" else 2] & WRITES:
                return ""
            if how == "at" and not place.startswith("/"):
                folder = ctypes.c_int(arguments[0] & 0xFFFFFFFF).value
                base = Path(f"/proc/{process}/{'cwd' if folder < 0 else f'fd/{folder}'}").readlink()
                place = f"{base}/{place}"
    except OSError:
        return ""
    return place


def _text(process: int, pointer: int) -> str:
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        memory.seek(pointer)
        found = b""
        while b"\0" not in found and len(found) < 4096:
            # not beyond a page's end, where the next one may not be there
            found += memory.read(4096 - (pointer + len(found)) % 4096)
    return found.partition(b"\0")[0].decode()


class _Line(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("lines", ctypes.POINTER(_Line)))


def _filter() -> int:
    """Installs the filter in this thread and those it starts; the listener's handle, or -1."""
    load, equal, leave = 0x20, 0x15, 0x06
    numbers = [column[_COLUMN] for column in CALLS.values() if column[_COLUMN] is not None]
    lines = [(load, 0, 0, 4), (equal, 1, 0, _ARCH), (leave, 0, 0, _ALLOW), (load, 0, 0, 0)]
    for number in numbers:
        lines += [(equal, 0, 1, number), (leave, 0, 0, _NOTIFY)]
    lines.append((leave, 0, 0, _ALLOW))
    held = (_Line * len(lines))(*[_Line(*line) for line in lines])
    program = _Program(len(lines), ctypes.cast(held, ctypes.POINTER(_Line)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_filter, new_listener = 38, 1, 8
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) != 0:
        return -1
    return int(libc.syscall(_SECCOMP, set_filter, new_listener, ctypes.byref(program)))
