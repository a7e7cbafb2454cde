"""The metrics of a run, from its events.jsonl: read as it grows, kept by columns, thinned for a curve.

The file is the only truth about a run's metrics. A resumed run cuts it back to its checkpoint and does the steps
behind it again, so rows of a step that comes a second time take the place of those before.
"""

from __future__ import annotations

import json
import math
import os
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

NAME = "events.jsonl"
KEPT = 64
"""Runs whose metrics are kept in memory."""
CHECKED = 4096
"""Bytes before the place that was read to, which must still be there: else the file is another than it was."""
LIMIT = 512 * 2**20
"""Bytes of a file that are read; what follows is not shown."""


class Series:
    """One figure over the steps it was measured at."""

    def __init__(self) -> None:
        self.steps, self.values = array("q"), array("d")

    def add(self, step: int, value: float) -> None:
        self.steps.append(step)
        self.values.append(value)

    def cut(self, step: int) -> None:
        """Forgets what was measured at `step` and later."""
        at = bisect_left(self.steps, step)
        del self.steps[at:], self.values[at:]

    def thinned(self, after: int, points: int) -> dict[str, list[float] | list[int] | None]:
        """What follows the step `after`, in at most `points` stretches of equally many steps.

        step: the last of each stretch; value: its mean; low and high: its least and greatest, null where nothing
        was put together.
        """
        first = bisect_right(self.steps, after)
        count = len(self.steps) - first
        if count <= points:
            return {
                "step": self.steps[first:].tolist(),
                "value": self.values[first:].tolist(),
                "low": None,
                "high": None,
            }
        edges = [first + count * i // points for i in range(points + 1)]
        parts = [self.values[a:b] for a, b in pairwise(edges)]
        return {
            "step": [self.steps[b - 1] for b in edges[1:]],
            "value": [math.fsum(part) / len(part) for part in parts],
            "low": [min(part) for part in parts],
            "high": [max(part) for part in parts],
        }


class RunEvents:
    """The rows of one file. Look at it between `with events.lock: events.read()` and the end of that block."""

    def __init__(self, path: Path) -> None:
        self._path, self.lock = path, Lock()
        self._begin()

    def _begin(self) -> None:
        self._offset, self._before, self._inode = 0, b"", 0
        self.series: dict[str, Series] = {}
        self.evaluations: list[dict[str, Any]] = []
        self.marks: list[dict[str, Any]] = []
        """Rows of the kinds checkpoint and resume."""
        self.end: dict[str, Any] | None = None
        self.start: dict[str, Any] = {}
        self.step = 0
        self.unreadable = 0
        """Whole lines that are no rows."""

    def read(self) -> None:
        """Takes in what has been written since; a file that is not there has no rows."""
        try:
            with self._path.open("rb") as file:
                about = os.fstat(file.fileno())
                file.seek(max(0, self._offset - len(self._before)))
                if about.st_ino != self._inode or file.read(len(self._before)) != self._before:
                    self._begin()
                    self._inode = about.st_ino
                    file.seek(0)
                data = file.read(LIMIT - self._offset)
        except FileNotFoundError:
            self._begin()
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        self._before = (self._before + whole)[-CHECKED:]
        for line in whole.splitlines():
            self._row(line)

    def _row(self, line: bytes) -> None:
        try:
            row = json.loads(line)
            kind, step = row["kind"], int(row.get("step") or 0)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.unreadable += 1
            return
        if kind == "step":
            self._measured(step, row)
        elif kind == "evaluation":
            self.evaluations = [one for one in self.evaluations if one.get("step", 0) < step] + [row]
        elif kind in ("checkpoint", "resume"):
            self.marks.append({name: row.get(name) for name in ("kind", "step")})
        elif kind == "start":
            self.start = row
        elif kind == "end":
            self.end = row

    def _measured(self, step: int, row: Mapping[str, Any]) -> None:
        if step <= self.step:
            for series in self.series.values():
                series.cut(step)
        self.step = step
        for name, value in row.items():
            if name not in ("kind", "step") and isinstance(value, int | float) and not isinstance(value, bool):
                self.series.setdefault(name, Series()).add(step, value)


class RunsEvents:
    """The metrics of the runs that were looked at last. Safe to use from several threads."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept, self._lock = kept, Lock()
        self._files: OrderedDict[Path, RunEvents] = OrderedDict()

    @contextmanager
    def of(self, folder: Path) -> Iterator[RunEvents]:
        """What the run in that folder has measured up to now; nobody else changes it meanwhile."""
        path = folder / NAME
        with self._lock:
            found = self._files.pop(path, None) or RunEvents(path)
            self._files[path] = found
            while len(self._files) > self._kept:
                self._files.popitem(last=False)
        with found.lock:
            found.read()
            yield found
