# ruff: noqa: PTH101, PTH102, PTH104, PTH108, PTH110, PTH123, PTH208, PTH211, SIM115
"""Jobs that misbehave, for the tests of the pool. They run in worker processes only."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from redraft.core.errors import Refusal
from redraft.tasks.cad.kernel.faults import KernelFault

_KEPT: list[bytearray] = []


def echo(payload: dict[str, Any]) -> Any:
    return payload["value"]


def sleep(payload: dict[str, Any]) -> float:
    time.sleep(payload["seconds"])
    return payload["seconds"]


def spin(_: dict[str, Any]) -> None:
    """As a boolean of the kernel hangs: in C, holding the interpreter's lock."""
    lock = ctypes.PyDLL(None)
    lock.sleep(1000)


def segfault(_: dict[str, Any]) -> None:
    ctypes.string_at(0)


def abort(_: dict[str, Any]) -> None:
    os.abort()


def leave(payload: dict[str, Any]) -> None:
    os._exit(payload["code"])


def recurse(_: dict[str, Any]) -> Any:
    return recurse({})


def raise_refusal(_: dict[str, Any]) -> None:
    raise Refusal("a fillet", where="line 3", remedy="Leave it out", code="refused")


def raise_fault(payload: dict[str, Any]) -> None:
    raise KernelFault(payload["reason"], "the solid is broken")


def raise_other(_: dict[str, Any]) -> None:
    raise ZeroDivisionError("1 / 0")


def system_exit(_: dict[str, Any]) -> None:
    sys.exit(3)


def hog(payload: dict[str, Any]) -> int:
    """Takes memory until it fails; an `into` of "shared" takes what RLIMIT_DATA does not count."""
    if payload.get("into") == "shared":
        import mmap

        kept = []
        while True:
            piece = mmap.mmap(-1, 64 * 2**20)
            piece.write(b"x" * len(piece))
            kept.append(piece)
    blocks = []
    while True:
        blocks.append(bytearray(b"x" * (16 * 2**20)))


def keep(payload: dict[str, Any]) -> int:
    """A leak: memory that stays with the process."""
    _KEPT.append(bytearray(b"x" * (payload["mb"] * 2**20)))
    return os.getpid()


def who(_: dict[str, Any]) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "group": os.getpgid(0),
        "environment": dict(os.environ),
        "initial": Path("/proc/self/environ").read_text() if os.path.exists("/proc/self/environ") else "",
        "temporary": tempfile.gettempdir(),
        "folder": str(Path.cwd()),
        "descriptors": sorted(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else [],
    }


def threads(payload: dict[str, Any]) -> int:
    """The sum of so many threads' numbers."""
    found: list[int] = []
    started = [threading.Thread(target=found.append, args=(i,)) for i in range(payload["count"])]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return sum(found)


def import_module(payload: dict[str, Any]) -> str:
    """What a library does that loads its parts late."""
    return __import__("importlib").import_module(payload["module"]).__name__


def own_files(_: dict[str, Any]) -> str:
    """Ordinary use of its own folder: a temporary folder with a file in it, written, renamed, read, removed."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a.step", Path(folder) / "b.step"
        first.write_text("solid")
        first.rename(second)
        return second.read_text()


def fill_folder(payload: dict[str, Any]) -> None:
    """Writes one big file after another."""
    for number in range(10_000):
        Path(f"big-{number}").write_bytes(bytes(payload["mb"] * 2**20))


def thread_bomb(_: dict[str, Any]) -> None:
    """Threads with small stacks and one arena for all (M_ARENA_MAX), so that the address space is not the end."""
    ctypes.CDLL(None).mallopt(-8, 1)
    threading.stack_size(65536)
    for _ in range(1000):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    time.sleep(60)


def close_and_go_on(_: dict[str, Any]) -> None:
    os.close(3)
    time.sleep(60)


def one_big_file(payload: dict[str, Any]) -> None:
    with Path("big").open("wb") as file:
        for _ in range(payload["mb"]):
            file.write(bytes(2**20))


def nest_folder(payload: dict[str, Any]) -> None:
    for _ in range(payload["depth"]):
        os.mkdir("d")
        os.chdir("d")


def many_files(_: dict[str, Any]) -> int:
    handles = []
    while True:
        handles.append(open(os.devnull))


def noise(payload: dict[str, Any]) -> int:
    """A library that prints a lot."""
    for _ in range(payload["lines"]):
        os.write(1, b"out\n")
        os.write(2, b"a warning that nobody asked for\n" * 100)
    return os.fstat(2).st_size


def unsendable(_: dict[str, Any]) -> object:
    return object()


def lie(payload: dict[str, Any]) -> None:
    """Writes bytes of its own choice to the pool, as a program would that broke into the process."""
    os.write(3, payload["bytes"])
    time.sleep(payload.get("then", 0))
    os._exit(0)


def attempt(payload: dict[str, Any]) -> str:
    """Tries one escape; "" if it went through, else the name of the error."""
    try:
        _ESCAPES[payload["what"]](payload)
    except BaseException as error:
        return type(error).__name__
    return ""


def _link_and_read(payload: dict[str, Any]) -> None:
    os.symlink(payload["secret"], "link")
    Path("link").read_bytes()


def _hard_link_and_read(payload: dict[str, Any]) -> None:
    os.link(payload["secret"], "hard")
    Path("hard").read_bytes()


def _handle_in(payload: dict[str, Any]) -> None:
    """By way of another process's descriptors."""
    for pid in (os.getppid(), payload["pid"]):
        os.listdir(f"/proc/{pid}/fd")
        Path(f"/proc/{pid}/environ").read_bytes()


def _raw(*arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(*[ctypes.c_long(value) for value in arguments]) < 0:
        raise OSError(ctypes.get_errno(), "syscall")


def _ptrace(payload: dict[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(ctypes.c_long(16), ctypes.c_long(payload["pid"]), None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def _read_memory(payload: dict[str, Any]) -> None:
    with open(f"/proc/{payload['pid']}/mem", "rb") as file:
        file.read(1)


def _connect(payload: dict[str, Any]) -> None:
    with socket.create_connection(("127.0.0.1", payload["port"]), timeout=2):
        pass


def _datagram(payload: dict[str, Any]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("127.0.0.1", payload["port"]))


def _set_limit(_: dict[str, Any]) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _mount(_: dict[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", b".", b"tmpfs", 0, None) < 0:
        raise OSError(ctypes.get_errno(), "mount")


_ESCAPES = {
    "write a file": lambda p: Path(p["outside"], "escaped").write_text("here"),
    "append to a file": lambda p: Path(p["secret"]).open("a").write("here"),
    "truncate a file": lambda p: os.truncate(p["secret"], 0),
    "truncate by opening": lambda p: os.open(p["secret"], os.O_RDONLY | os.O_TRUNC),
    "remove a file": lambda p: os.unlink(p["secret"]),
    "rename a file": lambda p: os.rename(p["secret"], p["secret"] + ".moved"),
    "make a folder": lambda p: Path(p["outside"], "escaped").mkdir(),
    "change a mode": lambda p: os.chmod(p["secret"], 0o777),
    "change an owner": lambda p: os.chown(p["secret"], 65534, 65534),
    "change a time": lambda p: os.utime(p["secret"], (1, 1)),
    "set an attribute": lambda p: os.setxattr(p["secret"], "user.escaped", b"here"),
    "read a secret": lambda p: Path(p["secret"]).read_bytes(),
    "read a folder": lambda p: os.listdir(p["outside"]),
    "read by a path with ..": lambda p: Path(os.path.relpath(p["secret"])).read_bytes(),
    "read by /proc/self/root": lambda p: Path("/proc/self/root" + p["secret"]).read_bytes(),
    "read by a link": _link_and_read,
    "read by a hard link": _hard_link_and_read,
    "read /etc/passwd": lambda p: Path("/etc/passwd").read_bytes(),
    "look into other processes": _handle_in,
    "subprocess": lambda p: subprocess.run(["/bin/true"], check=True),
    "shell": lambda p: subprocess.run("true", shell=True, check=True),
    "os.system": lambda p: (_ for _ in ()).throw(PermissionError) if os.system("true") != 0 else None,
    "exec": lambda p: os.execv("/bin/true", ["true"]),
    "fork": lambda p: os.fork() or os._exit(0),
    "posix_spawn": lambda p: os.posix_spawn("/bin/true", ["true"], {}),
    "new session": lambda p: os.setsid(),
    "new group": lambda p: os.setpgid(0, os.getppid()),
    "connect": _connect,
    "send a datagram": _datagram,
    "local socket": lambda p: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close(),
    "listen": lambda p: socket.create_server(("127.0.0.1", 0)).close(),
    "kill the parent": lambda p: os.kill(os.getppid(), signal.SIGTERM),
    "kill the pool's process": lambda p: os.kill(p["pid"], signal.SIGTERM),
    "kill everything": lambda p: os.kill(-1, signal.SIGTERM),
    "priority of others": lambda p: os.setpriority(os.PRIO_PROCESS, p["pid"], 19),
    "trace": _ptrace,
    "memory of others": _read_memory,
    "raise a limit": _set_limit,
    "mount": _mount,
    "become root": lambda p: os.setuid(0),
    "change root": lambda p: os.chroot("."),
    "new namespace": lambda p: _raw(272, 0x10000000),  # unshare
    "io_uring": lambda p: _raw(425, 8, 0),
    "bpf": lambda p: _raw(321, 0, 0, 0),
    "keyring": lambda p: _raw(250, 0, 0, 0, 0, 0),
    "userfaultfd": lambda p: _raw(323, 0),
    "memory file": lambda p: os.memfd_create("x"),
    "shared memory": lambda p: _raw(29, 0, 4096, 0o1600),  # shmget
    "openat2": lambda p: _raw(437, -100, 0, 0, 0),
    "clone3": lambda p: _raw(435, 0, 0),
    "x32 call": lambda p: _raw(0x40000000 + 39),  # getpid of the x32 interface
    "a call of the future": lambda p: _raw(4000),
    "make a pipe file": lambda p: os.mkfifo("pipe"),
    "make a device": lambda p: os.mknod("device", 0o600 | 0o020000, 0x103),
    "write by /dev/mem": lambda p: open("/dev/mem", "r+b").read(1),
    "inject into a terminal": lambda p: __import__("fcntl").ioctl(0, 0x5412, b"x"),
}
ESCAPES = tuple(_ESCAPES)

JOBS = {
    name: job
    for name, job in list(globals().items())
    if callable(job) and getattr(job, "__module__", "") == __name__ and not name.startswith("_")
}
JOBS["import"] = import_module
