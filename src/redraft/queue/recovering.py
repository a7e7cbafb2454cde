"""A verb that goes on when its device is lost: on the CPU, from where it had saved.

A failed Metal assertion ends the process it happens in, and after a CUDA error nothing more can be computed there.
Only whoever started that process can begin another.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from redraft.core.errors import DeviceLost, WorkerLost
from redraft.core.place import place
from redraft.core.verb import Result
from redraft.queue.local import LocalProcess

FATAL = frozenset(
    getattr(signal, name) for name in ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGTRAP") if hasattr(signal, name)
)
"""How a driver ends a process. SIGKILL is not among them: that is want of memory, or somebody's wish."""


class RecoveringProcess:
    """`LocalProcess` for verbs that say which device they took (the metric {"kind": "device", "device": ...}) and
    that know the request keys `device` and `lost`. Falls back once; a second loss is the caller's error."""

    def __init__(
        self,
        verb: str,
        request: Mapping[str, Any],
        *,
        begin: Callable[..., LocalProcess] = LocalProcess,
        **options: Any,
    ) -> None:
        """begin: starts each of the two processes, as LocalProcess does; options: what it gets besides."""
        self._verb, self._request = verb, dict(request)
        self._begin = partial(begin, **options)
        self._process = self._begin(verb, request)
        self._device = "cpu"
        self._stopping = False
        self._fallen_back = False

    def events(self) -> Iterator[dict[str, Any]]:
        """As of a LocalProcess, over both processes."""
        try:
            yield from self._watched()
            return
        except (DeviceLost, WorkerLost) as error:
            how = self._loss(error)
            if how is None:
                raise
        self._fallen_back = True
        message = f"{self._device} was lost ({how}): going on from the last checkpoint on the CPU"
        yield {"event": "log", "message": message, "level": "warning"}
        request = {**self._request, "device": "cpu", "lost": {"device": self._device, "how": how}}
        self._process = self._begin(self._verb, request)
        yield from self._watched()

    def _watched(self) -> Iterator[dict[str, Any]]:
        for event in self._process.events():
            if event["event"] == "metric" and event["values"].get("kind") == "device":
                self._device = event["values"]["device"]
            yield event

    def _loss(self, error: DeviceLost | WorkerLost) -> str | None:
        """How the device was lost; None where something else happened, or where it is not to be answered."""
        if self._fallen_back or self._stopping or self._device == "cpu" or place().count > 1:
            return None  # one of several processes cannot change its device alone
        if isinstance(error, DeviceLost):
            return error.what
        ended_by = self._process.ended_by
        return signal.Signals(ended_by).name if ended_by is not None and ended_by in FATAL else None

    def result(self) -> Result:
        return self._process.result()

    def send(self, message: Mapping[str, Any]) -> None:
        """As of a LocalProcess, to the one that runs now."""
        self._process.send(message)

    def has_ended(self) -> bool:
        return self._process.has_ended()

    def stop(self, hard: bool = False) -> None:
        self._stopping = True
        self._process.stop(hard)
