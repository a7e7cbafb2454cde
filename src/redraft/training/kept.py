"""Encodings that are held in memory between epochs."""

from __future__ import annotations

from threading import Lock

from redraft.training.packed import Packed

Way = tuple[int, int]
"""An example by its index in the dataset, and the variant it is shown in; 0 where there is no augmentation."""


class Kept:
    """Encodings held in memory up to a limit in bytes; safe to share between threads."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0
        self._held: dict[Way, Packed] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, way: Way) -> Packed | None:
        return self._held.get(way)

    def offer(self, way: Way, packed: Packed) -> None:
        """Holds it where there is room."""
        with self._lock:
            if way not in self._held and self.used + packed.bytes <= self.limit:
                self._held[way] = packed
                self.used += packed.bytes
