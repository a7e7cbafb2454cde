"""Landlock by ctypes: files, TCP and signals of this process, narrowed for good.

Source: the kernel's documentation `userspace-api/landlock.rst` and `include/uapi/linux/landlock.h`. The kernel
states its ABI version; rights that an older one does not know are left out, and the wall report says which ABI
holds. Landlock does not cover chmod, chown, utimes and extended attributes: the system call filter denies them.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

CREATE, ADD, RESTRICT = 444, 445, 446
"""System call numbers, the same on every architecture."""
KNOWN_ABI = 7

WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
REFER, TRUNCATE = 1 << 13, 1 << 14
_FILE_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16, 6: 16, 7: 16}
"""How many file rights each ABI knows: the lowest bits, without gaps."""
READ = READ_FILE | READ_DIR
OWN = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE
"""In its own folder a worker makes and removes plain files and folders; no links, devices, pipes or sockets."""
_OF_A_FILE = WRITE_FILE | READ_FILE | TRUNCATE
_NET_TCP = 0b11
_SCOPE_SOCKETS_AND_SIGNALS = 0b11
_RULE_PATH_BENEATH = 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """The ABI version of the running kernel; 0 where it has no Landlock, or none switched on."""
    if sys.platform != "linux":
        return 0
    found = ctypes.CDLL(None, use_errno=True).syscall(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    return max(0, min(int(found), KNOWN_ABI))


def restrict(
    own: Path, readable: Iterable[Path], devices: Iterable[Path] = (), *, at_most: int = KNOWN_ABI
) -> int:
    """Leaves this thread, and those it starts later, `own` to write, `readable` to read, `devices` for both.

    Needs no_new_privs. at_most: the newest ABI to make use of. Returns the ABI that now holds, 0 where there is
    none; an error is an OSError.
    """
    version = min(abi(), at_most)
    if version == 0:
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    handled = (1 << _FILE_RIGHTS_BY_ABI[version]) - 1
    rules = _Ruleset(handled, _NET_TCP, _SCOPE_SOCKETS_AND_SIGNALS)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _checked(libc.syscall(CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0)))
    try:
        for path in readable:
            _allow(libc, ruleset, path, READ & handled)
        for path in devices:
            _allow(libc, ruleset, path, (READ_FILE | WRITE_FILE) & handled)
        _allow(libc, ruleset, own, OWN & handled)
        _checked(libc.syscall(RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)))
    finally:
        os.close(ruleset)
    return version


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no rule
    try:
        rule = _PathBeneath(rights if path.is_dir() else rights & _OF_A_FILE, handle)
        _checked(
            libc.syscall(
                ADD,
                ctypes.c_int(ruleset),
                ctypes.c_int(_RULE_PATH_BENEATH),
                ctypes.byref(rule),
                ctypes.c_uint32(0),
            )
        )
    finally:
        os.close(handle)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
