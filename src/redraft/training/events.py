"""events.jsonl: one JSON object a line, the only truth about what happened in a run.

kind "start" (machine, versions, dataset, model), "step" (step, epoch, loss, learning_rate, gradient_norm,
examples, tokens, seconds, examples_per_second, memory_bytes), "evaluation", "checkpoint", "resume", "end".
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from redraft.core.atomic import output_error
from redraft.core.work import Work

NAME = "events.jsonl"


class Events:
    """Appends rows to the run's file and tells the Work of each."""

    def __init__(
        self,
        run: Path,
        work: Work,
        length: int | None = None,
        also: Callable[[dict[str, Any]], None] = lambda row: None,
    ) -> None:
        """length: bytes of an existing file to keep; rows behind them belong to steps that will be done again.
        also: told of each row once it is written."""
        self._path, self._work, self._also = run / NAME, work, also
        try:
            self._file = self._path.open("ab")
            if length is not None and self._path.stat().st_size > length:
                self._file.truncate(length)
        except OSError as error:
            raise output_error(self._path, error) from error

    def row(self, kind: str, **values: Any) -> None:
        data = {"kind": kind, **_plain(values)}
        try:
            self._file.write(json.dumps(data, ensure_ascii=False, allow_nan=False).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise output_error(self._path, error) from error
        self._work.metric(data)
        self._also(data)

    def sync(self) -> int:
        """Makes all rows durable; the file's length in bytes."""
        try:
            os.fsync(self._file.fileno())
            return self._path.stat().st_size
        except OSError as error:
            raise output_error(self._path, error) from error

    def close(self) -> None:
        self._file.close()


class Unwritten(Events):
    """The events of a process that is not the main one: what it would say, the main one says."""

    def __init__(self) -> None:
        pass

    def row(self, kind: str, **values: Any) -> None:
        pass

    def sync(self) -> int:
        return 0

    def close(self) -> None:
        pass


def read(run: Path) -> Iterator[dict[str, Any]]:
    """All whole rows of a run."""
    path = run / NAME
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:  # the last line of a process that was killed while it wrote
                continue


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN: they become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
