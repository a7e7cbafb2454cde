"""Wall and processor seconds of each epoch, and what a side reports. Standard library only."""

from __future__ import annotations

import importlib
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from memory import Peak


@dataclass
class Report:
    """What one side measured in one run.

    wall, processor: seconds of each epoch; the first one holds all that comes between the loaded model and its
    end. losses: of the first steps. supervised: tokens that carry loss, of one epoch. peak, loaded: bytes, above
    the loaded model and of the process with it.
    """

    side: str
    settings: dict[str, Any]
    versions: dict[str, str]
    trainable: int = 0
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    supervised: int = 0
    peak: int = 0
    loaded: int = 0

    def write(self, path: str) -> None:
        Path(path).write_text(json.dumps(asdict(self)))


LATE = ("accelerate", "peft", "torch._dynamo")
"""What a trainer imports at its first step at the latest: neither training's time nor its memory."""


class Clock:
    """Begins at its making, with the peak's measurement, once all sides hold the same libraries."""

    def __init__(self, report: Report) -> None:
        for name in LATE:
            importlib.import_module(name)
        self.report, self.peak = report, Peak()
        report.loaded = self.peak.loaded
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def epoch(self) -> None:
        """An epoch has ended."""
        wall, processor = time.perf_counter(), time.process_time()
        self.report.wall.append(wall - self._wall)
        self.report.processor.append(processor - self._processor)
        self._wall, self._processor = wall, processor
        self.report.peak = self.peak.above()
