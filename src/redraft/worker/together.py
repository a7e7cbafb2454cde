"""A verb done by several processes of one machine: torchrun starts them, and the first one is heard.

The process that a keeper started becomes torchrun's parent. It passes the wire on to the first of the processes,
which shares its standard input; all of them write events to the same pipe, but only the first tells more than an
error (core.permit.Wire, docs/distributed.md).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from redraft.core.errors import UsageError
from redraft.core.place import place
from redraft.worker.wire import Lines, Message

REQUEST = "REDRAFT_REQUEST"
"""Environment variable: the message that the processes of one run begin with, in place of standard input."""


def wanted(message: Message) -> int:
    """How many processes a request asks for."""
    return int((message.get("request") or {}).get("processes") or 1)


def given() -> Message | None:
    """The message of a process that torchrun started for `launch`; None in every other."""
    text = os.environ.pop(REQUEST, None)  # what this process starts in turn has requests of its own
    return json.loads(text) if text is not None and place().count > 1 else None


def launch(verb: str, message: Message, lines: Lines, events: int) -> int:
    """Runs the verb in as many processes as its request asks for, to their end; torchrun's exit code.

    lines: the rest of the wire. events: the descriptor that all of them write to.
    """
    request = {name: value for name, value in message["request"].items() if name != "processes"}
    count = wanted(message)
    try:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"),
                *("--nproc-per-node", str(count), "--module", "redraft.worker", verb),
            ],
            stdin=subprocess.PIPE,
            stdout=events,
            env={**os.environ, REQUEST: json.dumps({**message, "request": request})},
            bufsize=0,
        )
    except OSError as error:
        raise UsageError(
            f"{count} processes cannot be started ({error.strerror})", where="processes", remedy="Ask for one"
        ) from error
    told = _Teller(process)

    def stop(*_: object) -> None:
        told.tell({"stop": "pause"})

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.Thread(target=told.follow, args=(lines,), daemon=True).start()
    return process.wait()


class _Teller:
    """Passes the wire on. Its end is passed on too, and makes the processes save and end."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def tell(self, message: Mapping[str, Any]) -> None:
        """One write, below what a pipe takes at once: a signal's handler and a thread may both tell."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # they have ended
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def follow(self, lines: Lines) -> None:
        for message in lines:
            self.tell(message)
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
