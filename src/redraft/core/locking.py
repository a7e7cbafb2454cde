"""One writer a folder. The lock is the system's: it goes with the process, however that ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redraft.core.errors import UsageError

PATIENCE = 60.0
"""Seconds to wait for a writer that may just be saving and ending, such as one whose command was killed."""


@contextmanager
def only_writer(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Holds the folder's lock (file `.lock`) while the block runs; a UsageError where another keeps it."""
    try:
        import fcntl
    except ImportError:  # Windows refuses a second writer of the same files by itself
        yield
        return
    with (folder / ".lock").open("w") as lock:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise UsageError(
                        "another process is working on it",
                        where=str(folder),
                        remedy="Wait for it, or stop it first",
                    ) from None
                time.sleep(0.2)
        yield
