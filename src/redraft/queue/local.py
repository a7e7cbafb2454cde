"""A verb in a process of its own: started by module name, fed one JSON request, heard as JSON lines.

The caller never loads torch or the geometry kernel. The child's standard input stays open as long as somebody
listens: its end tells the child to stop, so no work outlives the command that asked for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from redraft.core.errors import WorkerLost, from_data
from redraft.core.verb import Result

KEPT_LINES = 200
"""Lines of the child's standard error kept for the message when it is lost."""


class LocalProcess:
    """One running verb. Iterate `events()` to its end, then ask for `result()`."""

    def __init__(
        self,
        verb: str,
        request: Mapping[str, Any],
        *,
        debug: bool = False,
        environment: Mapping[str, str | None] | None = None,
        first: Sequence[Mapping[str, Any]] = (),
        heard: Callable[[bytes], None] | None = None,
    ) -> None:
        """environment: variables that are set, or removed (None), beside this process's own. first: messages that
        follow the request at once. heard: gets each line of the child's standard error, in a thread of its own."""
        self.verb = verb
        self._heard = heard
        self._sending = threading.Lock()
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._result: Result | None = None
        self.ended_by: int | None = None
        """The number of the signal that ended the child; None while it runs or where it ended by itself."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "redraft.worker", verb],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if debug else subprocess.PIPE,
            env=_environment(environment or {}),
            start_new_session=True,  # the terminal's Ctrl-C reaches us alone, and we ask in order
        )
        self._reader: threading.Thread | None = None
        if not debug:
            self._reader = threading.Thread(target=self._keep_errors, daemon=True)
            self._reader.start()
        self.send({"request": dict(request), "debug": debug})
        for message in first:
            self.send(message)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: Mapping[str, Any]) -> None:
        """One more line on the child's standard input (core.permit.Wire). Nothing happens where it has ended."""
        assert self._process.stdin is not None
        with self._sending, contextlib.suppress(BrokenPipeError, ValueError):  # events() says why it ended
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def events(self) -> Iterator[dict[str, Any]]:
        """Everything the child says, as it says it; raises the error it ended with, or WorkerLost."""
        assert self._process.stdout is not None
        failure: dict[str, Any] | None = None
        for line in () if self._process.stdout.closed else self._process.stdout:
            event = json.loads(line)
            if event["event"] == "result":
                self._result = Result(event["value"], event["exit_code"])
            elif event["event"] == "error":
                failure = event["error"]
            else:
                yield event
        code = self._process.wait()
        self.ended_by = -code if code < 0 else None
        if self._reader is not None:
            self._reader.join(timeout=5)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if failure is not None:
            raise from_data(failure)
        if self._result is None:
            raise WorkerLost(
                f"the process that did the work {_end(code)}",
                where=self.verb,
                remedy="Its last words: " + (" | ".join(list(self._lines)[-3:]) or "none"),
            )

    def result(self) -> Result:
        """What the verb returned; only after events() has ended well."""
        assert self._result is not None
        return self._result

    def has_ended(self) -> bool:
        """Whether the process has; what it had said may still be on its way."""
        return self._process.poll() is not None

    def stop(self, hard: bool = False) -> None:
        """Asks the child to save and stop (SIGTERM), or ends it at once."""
        if self._process.poll() is None:
            if hard and os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            elif hard:
                self._process.kill()
            else:
                self._process.send_signal(signal.SIGTERM)

    def _keep_errors(self) -> None:
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            if self._heard is not None:
                self._heard(raw.rstrip(b"\n"))
            line = raw.decode(errors="replace").rstrip()
            if line:
                self._lines.append(line)


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    found = {**os.environ, "PYTHONUNBUFFERED": "1", **changes}
    return {name: value for name, value in found.items() if value is not None}


def _end(code: int) -> str:
    if code >= 0:
        return f"ended with code {code} and no result"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"was ended by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")
