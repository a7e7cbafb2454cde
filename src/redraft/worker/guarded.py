"""A verb in a child process that is ended before it takes more memory than there is."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redraft.core.work import Work

INTERVAL = 0.05
"""Seconds between two looks at the child's memory."""


@dataclass
class Outcome:
    """What became of a guarded verb.

    value: of its result, None where it had none. error: as `RedraftError.as_data` gave it. ended: "" where it
    ended by itself, "memory" where it was ended above its limit (or by the system, with SIGKILL), else how it was
    lost. peak_bytes: the largest resident size that was seen. metrics: all that it told.
    """

    value: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    ended: str = ""
    peak_bytes: int = 0
    seconds: float = 0.0
    metrics: list[dict[str, Any]] = field(default_factory=list)

    def metric(self, kind: str) -> dict[str, Any]:
        """The last metric of a kind, empty where there is none."""
        return next((m for m in reversed(self.metrics) if m.get("kind") == kind), {})


def run_guarded(verb: str, request: Mapping[str, Any], most: int, work: Work) -> Outcome:
    """Runs the verb to its end, its progress passed on. most: bytes of resident memory at which it is ended."""
    import psutil

    outcome = Outcome()
    started = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "redraft.worker", verb],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        reader = threading.Thread(target=_listen, args=(process, outcome, work), daemon=True)
        reader.start()
        over = False
        try:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps({"request": dict(request)}).encode() + b"\n")
                process.stdin.flush()
            seen = psutil.Process(process.pid)
            while process.poll() is None:
                with contextlib.suppress(psutil.Error):
                    outcome.peak_bytes = max(outcome.peak_bytes, seen.memory_info().rss)
                if outcome.peak_bytes > most:
                    over = True
                    break
                time.sleep(INTERVAL)
        finally:
            if process.poll() is None:
                process.kill()
            code = process.wait()
            reader.join(timeout=10)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
    outcome.seconds = time.perf_counter() - started
    if over or code == -9:
        outcome.ended = "memory"
    elif outcome.value is None and outcome.error is None:
        outcome.ended = f"exit code {code}: {' | '.join(said[-3:]) or 'no last words'}"
    return outcome


def _listen(process: subprocess.Popen[bytes], outcome: Outcome, work: Work) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        try:
            event = json.loads(line)
        except ValueError:  # the last line of a process that was ended while it wrote
            continue
        if event["event"] == "metric":
            outcome.metrics.append(event["values"])
        elif event["event"] == "result":
            outcome.value = event["value"]
        elif event["event"] == "error":
            outcome.error = event["error"]
        elif event["event"] == "progress":
            work.progress(event["stage"], event["done"], event["total"], event["note"])
        elif event["event"] == "log" and event["level"] == "warning":
            work.log(event["message"], "warning")
