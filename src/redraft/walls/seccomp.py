"""The system call filter of a worker process: classic BPF by ctypes, applied with prctl.

Source: `Documentation/userspace-api/seccomp_filter.rst`, `include/uapi/linux/{seccomp,filter,audit}.h`. The
filter reads the call's number and the low halves of its arguments (both architectures are little endian). A
denied call fails with EPERM; clone3 and openat2, whose flags lie behind a pointer where no filter can look, and
calls newer than the table fail with ENOSYS, so that the C library falls back to the older call.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys

from redraft.walls.syscalls import DENIED, FILTERED, NEWEST

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}
"""Column of the tables, and the kernel's AUDIT_ARCH value."""
_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_ANY, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCH, _ARGUMENT_0, _ARGUMENT_1, _ARGUMENT_2 = 0, 4, 16, 24, 32
_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_TRUNCATE, _WRITES = 0o1000, 0o3
"""O_TRUNC; O_WRONLY and O_RDWR."""
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: what opening and asking after a file needs."""
_PRCTLS = (3, 15, 16, 21, 23, 39, 0x53564D41)
"""GET_DUMPABLE, SET_NAME, GET_NAME, GET_SECCOMP, CAPBSET_READ, GET_NO_NEW_PRIVS, SET_VMA (names of mappings)."""

Instruction = tuple[int, int, int, int]


class _Filter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Filter)))


def available() -> bool:
    """Whether a filter can be made for this system and processor."""
    return sys.platform == "linux" and platform.machine() in _ARCHITECTURES and sys.byteorder == "little"


def program(machine: str, pid: int) -> list[Instruction]:
    """The filter as (code, jump if true, jump if false, constant), for the process `pid`."""
    column, arch = _ARCHITECTURES[machine]
    deny, unknown = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_JUMP_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_ABOVE, 0, 1, NEWEST),  # also whatever carries the x32 bit
        (_RETURN, 0, 0, unknown),
    ]
    numbers = [pair[column] for pair in DENIED.values()]
    for number in numbers:
        if number is not None:
            code += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, deny)]
    for name in ("clone3", "openat2"):
        code += _when(FILTERED[name][column], [(_RETURN, 0, 0, unknown)])
    threads_only: list[Instruction] = [
        (_LOAD, 0, 0, _ARGUMENT_0),
        (_JUMP_ANY, 2, 0, _CLONE_NAMESPACES),
        (_JUMP_ANY, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, deny),
    ]
    code += _when(FILTERED["clone"][column], threads_only)
    code += _when(FILTERED["open"][column], _no_hidden_truncation(_ARGUMENT_1, deny))
    code += _when(FILTERED["openat"][column], _no_hidden_truncation(_ARGUMENT_2, deny))
    code += _when(FILTERED["kill"][column], _one_of(_ARGUMENT_0, (pid,), deny))
    code += _when(FILTERED["tgkill"][column], _one_of(_ARGUMENT_0, (pid,), deny))
    code += _when(FILTERED["prlimit64"][column], _one_of(_ARGUMENT_0, (0, pid), deny))
    code += _when(FILTERED["ioctl"][column], _one_of(_ARGUMENT_1, _IOCTLS, deny))
    code += _when(FILTERED["prctl"][column], _one_of(_ARGUMENT_0, _PRCTLS, deny))
    return [*code, (_RETURN, 0, 0, _ALLOW)]


def _when(number: int | None, then: list[Instruction]) -> list[Instruction]:
    """`then`, which always returns, for one call; the number stays loaded for what follows."""
    if number is None:
        return []
    return [(_JUMP_EQUAL, 0, len(then), number), *then]


def _no_hidden_truncation(argument: int, deny: int) -> list[Instruction]:
    """Opening for reading only that empties the file: before its third ABI Landlock takes it for a read."""
    return [
        (_LOAD, 0, 0, argument),
        (_JUMP_ANY, 0, 2, _TRUNCATE),
        (_JUMP_ANY, 1, 0, _WRITES),
        (_RETURN, 0, 0, deny),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _one_of(argument: int, values: tuple[int, ...], otherwise: int) -> list[Instruction]:
    code: list[Instruction] = [(_LOAD, 0, 0, argument)]
    for value in values:
        code += [(_JUMP_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [*code, (_RETURN, 0, 0, otherwise)]


def restrict() -> bool:
    """Filters this thread, and those it starts later, for good. Needs no_new_privs. False: not on this system."""
    if not available():
        return False
    code = program(platform.machine(), os.getpid())
    instructions = (_Filter * len(code))(*[_Filter(*line) for line in code])
    whole = _Program(len(code), ctypes.cast(instructions, ctypes.POINTER(_Filter)))
    libc = ctypes.CDLL(None, use_errno=True)
    set_seccomp, mode_filter = 22, 2
    if libc.prctl(set_seccomp, ctypes.c_ulong(mode_filter), ctypes.byref(whole), 0, 0) != 0:
        number = ctypes.get_errno()
        if number == errno.EINVAL:  # a kernel built without filters
            return False
        raise OSError(number, os.strerror(number))
    return True
