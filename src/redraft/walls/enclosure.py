"""The walls around a worker process, and what they are worth on this machine.

`enclose` puts them up right after a worker starts, before any thread; `try_to_escape` then tries what a hostile
program would try, so that a wall counts as standing because it held and not because a call returned. On other
systems than Linux only limits and the wall clock (kept by the pool) stand, and the report says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from redraft.walls import landlock, limits, seccomp

SECRET = "secret"
"""A file beside the workers' folders that no worker should be able to read; made by the pool."""
STDERR = "stderr.txt"
"""In the folder of a process: what it and its libraries print as errors."""
_SYSTEM_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache")
_SYSTEM_FACTS = (
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/usr/share/fonts",
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_SET_DUMPABLE, _SET_NO_NEW_PRIVS, _DROP_BOUND_CAPABILITY, _SET_DEATH_SIGNAL = 4, 38, 24, 1
_PTRACE_ATTACH = 16


def end_with_parent() -> None:
    """On Linux the kernel kills this process when the one that forked it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, ctypes.c_ulong(9), 0, 0, 0)


def enclose(own: Path, bounds: limits.Limits, also_readable: Iterable[Path] = ()) -> dict[str, Any]:
    """Puts up every wall this system has around the calling process, for good, and tries them.

    own: the folder it may write, an absolute path. also_readable: files and folders it may read beside Python's.
    Returns facts for `describe`. A mechanism that the system lacks, or that fails (some containers forbid them),
    is left out and reported: the others still stand.
    """
    own = own.resolve()
    empty_environment(own)
    os.chdir(own)
    facts: dict[str, Any] = {"system": sys.platform, "limits": limits.apply(bounds)}
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_SET_DUMPABLE, ctypes.c_ulong(0), 0, 0, 0)
        facts["no_new_privs"] = libc.prctl(_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), 0, 0, 0) == 0
        facts["capabilities"] = drop_capabilities(libc)
        facts["landlock"] = facts["seccomp"] = 0
        with contextlib.suppress(OSError):
            facts["landlock"] = landlock.restrict(own, [*readable(), *also_readable], map(Path, _DEVICES))
        with contextlib.suppress(OSError):
            facts["seccomp"] = int(seccomp.restrict())
    facts["held"] = try_to_escape(own)
    return facts


def empty_environment(own: Path) -> None:
    """Nothing of the person's environment is left; what looks for a home or a temporary folder finds `own`."""
    os.environ.clear()
    for name in ("HOME", "TMPDIR", "TEMP", "TMP"):
        os.environ[name] = str(own)
    tempfile.tempdir = str(own)


def readable() -> list[Path]:
    """What lazily loaded parts of Python and of its libraries are read from, and facts about the machine."""
    paths = sysconfig.get_paths()
    places = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    places |= {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    places.add(str(Path(__file__).parents[1]))  # this package
    places |= {*_SYSTEM_LIBRARIES, *_SYSTEM_FACTS, f"/proc/{os.getpid()}"}
    return [Path(place) for place in sorted(places)]


def drop_capabilities(libc: ctypes.CDLL) -> bool:
    """Gives up every capability for good, which makes root an ordinary owner of root's files. True: none left.

    Source: capabilities(7); version 3 of the structure of capset(2).
    """
    for capability in range(64):
        libc.prctl(_DROP_BOUND_CAPABILITY, ctypes.c_ulong(capability), 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    return bool(libc.capset(ctypes.byref(header), ctypes.byref(nothing)) == 0)


def try_to_escape(own: Path) -> dict[str, bool]:
    """Tries to break out in harmless ways. Name of the attempt to whether it was denied."""
    attempts: dict[str, Callable[[], object]] = {
        "write outside": lambda: _write(own.parent / f"escaped-{os.getpid()}"),
        "read a secret": lambda: (own.parent / SECRET).read_bytes(),
        "follow a link": lambda: _follow(own / "link", own.parent / SECRET),
        "open a socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close(),
        "open a local socket": lambda: socket.socketpair()[0].close(),
    }
    if hasattr(os, "fork"):
        attempts["start a process"] = _fork
        attempts["run a program"] = _execute
        attempts["signal another process"] = lambda: os.kill(os.getppid(), 0)
    if sys.platform == "linux":
        attempts["trace a process"] = _trace
    return {name: _denied(attempt) for name, attempt in attempts.items()}


def _denied(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError as error:
        return error.errno in (errno.EPERM, errno.EACCES)
    return False


def _write(path: Path) -> None:
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    os.close(handle)
    path.unlink()


def _follow(link: Path, target: Path) -> None:
    try:
        link.symlink_to(target)
        link.read_bytes()
    finally:
        with contextlib.suppress(OSError):
            link.unlink()


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _execute() -> None:
    """A file that does not exist: EPERM comes from a filter, ENOENT from a system that would have run it."""
    os.execve("/nonexistent/program", ["program"], {})


def _trace() -> None:
    """Attaching to process -1: EPERM comes from a filter, ESRCH from a system that looked for the process."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(ctypes.c_long(_PTRACE_ATTACH), ctypes.c_long(-1), None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def describe(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of `enclose` in plain words: {"system", "whole", "walls": [{"name", "stands", "says"}]}.

    whole: every wall stands, which is what serving beyond this machine requires.
    """
    held = {str(name) for name, denied in dict(facts.get("held", {})).items() if denied is True}
    accepted = set(facts.get("limits", ()))
    abi = int(facts.get("landlock", 0))
    memory = {"as", "data"} <= accepted
    walls = [
        _wall("wall clock", True, "a job beyond its time is ended with its whole process group, from outside"),
        _wall(
            "memory",
            True,
            "held by the system (RLIMIT_DATA, RLIMIT_AS)"
            if memory
            else "watched from outside, several times a second",
        ),
        _wall(
            "limits",
            {"core", "cpu", "fsize", "nofile"} <= accepted,
            f"processor time, file size, open files, no core dumps ({', '.join(sorted(accepted)) or 'none'})",
        ),
        _wall("environment", True, "empty; home and temporary folder are the worker's own and are removed"),
        _wall(
            "privileges",
            bool(facts.get("no_new_privs")) and bool(facts.get("capabilities")),
            "no_new_privs, no capabilities, also for root",
        ),
        _wall(
            "files",
            {"write outside", "read a secret", "follow a link"} <= held,
            f"Landlock ABI {abi}: writes only into its own folder, reads only libraries"
            if abi
            else "this system has no Landlock: a broken-in program reads and writes what you can",
        ),
        _wall(
            "network",
            {"open a socket", "open a local socket"} <= held,
            "no sockets (system call filter" + (", Landlock for TCP)" if abi >= 4 else ")"),
        ),
        _wall(
            "processes",
            {"start a process", "run a program"} <= held,
            "no programs and no processes; threads are left alone",
        ),
        _wall(
            "other processes",
            {"signal another process", "trace a process"} <= held,
            "no signals to others, no tracing",
        ),
    ]
    return {
        "system": str(facts.get("system", sys.platform)),
        "whole": all(wall["stands"] for wall in walls),
        "walls": walls,
    }


def _wall(name: str, stands: bool, says: str) -> dict[str, Any]:
    return {"name": name, "stands": stands, "says": says if stands else f"does not stand: {says}"}
