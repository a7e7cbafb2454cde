"""How much memory this process may use: the machine's, or less where a control group limits it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Memory:
    """available: bytes that could still be taken. total: the whole limit. limit: what sets it."""

    available: int
    total: int
    limit: str


def memory_limit(groups: Path = GROUPS) -> Memory:
    """groups: where the control groups of this process are mounted."""
    import psutil

    machine = psutil.virtual_memory()
    found = Memory(machine.available, machine.total, "the machine's memory")
    group = _group_limit(groups)
    if group is not None and group[0] < found.total:
        most, used = group
        found = Memory(min(found.available, max(most - used, 0)), most, "this container's memory")
    return found


def _group_limit(groups: Path) -> tuple[int, int] | None:
    """(limit, used) of version 2, else of version 1; None without a limit. Files that the system can drop do not
    count as used."""
    for most, used, dropped in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            text = (groups / most).read_text().strip()
            if text == "max":
                return None
            taken = int((groups / used).read_text())
            return int(text), max(taken - _statistic(groups / most, dropped), 0)
        except (OSError, ValueError):
            continue
    return None


def _statistic(beside: Path, name: str) -> int:
    for line in (beside.parent / "memory.stat").read_text().splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0
