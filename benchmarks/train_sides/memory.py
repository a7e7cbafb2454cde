"""Peak memory of a process above what its loaded model takes, measured the same way on every side.

Linux alone: writing 5 to /proc/self/clear_refs sets the kernel's own high-water mark back, so nothing between two
samples is missed. Standard library only, since each side runs it in its own environment.
"""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """Begins at its making: call it when the model is loaded and nothing else is."""

    def __init__(self) -> None:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what the loading left behind is not the model's
        self.loaded = _bytes("VmRSS")
        RESET.write_text("5")

    def above(self) -> int:
        """Bytes of the largest resident size since the beginning, above that of the beginning."""
        return _bytes("VmHWM") - self.loaded


def _bytes(name: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{STATUS} has no {name}")
