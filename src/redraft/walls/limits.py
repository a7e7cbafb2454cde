"""What one worker process may use of the machine, set with rlimits where the system has them.

Linux holds all of them. macOS accepts RLIMIT_DATA and RLIMIT_AS without holding them, and Windows has no
rlimits: there the pool watches the memory from outside (`watched_from_outside`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MB = 2**20
SLACK_MB = 1024
"""Address space above the memory limit: thread stacks and allocator arenas reserve without using."""


@dataclass(frozen=True, slots=True)
class Limits:
    """memory_mb: what a job may take beyond the loaded libraries. cpu_seconds: processor time of a worker's whole
    life. file_mb: one file. folder_mb: all files of its folder (checked from outside). open_files: descriptors."""

    memory_mb: int = 4096
    cpu_seconds: int = 3600
    file_mb: int = 256
    folder_mb: int = 512
    open_files: int = 64

    def as_data(self) -> dict[str, int]:
        return asdict(self)


def limits_from_data(data: Mapping[str, Any]) -> Limits:
    return Limits(**{name: int(value) for name, value in data.items()})


def held_by_the_system() -> bool:
    """Whether a memory limit set on a process is held by this system."""
    return sys.platform == "linux" and resource is not None


def apply(limits: Limits) -> list[str]:
    """Sets the limits on this process, for good; returns the names of those that were accepted."""
    if resource is None:
        return []
    wanted = {
        "core": 0,
        "cpu": limits.cpu_seconds,
        "fsize": limits.file_mb * MB,
        "nofile": limits.open_files,
    }
    if held_by_the_system():
        space, data = _own_memory()
        wanted["data"] = data + limits.memory_mb * MB
        wanted["as"] = space + (limits.memory_mb + SLACK_MB) * MB
    return [name for name, value in wanted.items() if _lower(getattr(resource, f"RLIMIT_{name.upper()}"), value)]


def _lower(which: int, value: int) -> bool:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(which, (value, value))
    except (OSError, ValueError):
        return False
    return True


def _own_memory() -> tuple[int, int]:
    """Bytes of this process's address space, and of its private writable part, as RLIMIT_DATA counts it."""
    fields = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("VmSize", "VmData", "VmStk"):
            fields[name] = int(rest.split()[0]) * 1024
    return fields.get("VmSize", 0), fields.get("VmData", 0)


def resident_mb() -> float:
    """Megabytes of memory that this process holds now; 0 where the system does not say cheaply."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        if resource is None:
            return 0.0
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used / MB if sys.platform == "darwin" else used / 1024
    return pages * resource.getpagesize() / MB
