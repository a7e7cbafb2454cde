"""`python -m redraft.worker VERB`: one verb, its request on standard input, its events on standard output.

Standard output belongs to the events alone: whatever a library prints goes to standard error. After the request,
standard input brings what a keeper says (core.permit.Wire); when it ends, nobody listens any more, and the work is
asked to stop as by SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from types import FrameType

from redraft.core.errors import Interrupted, RedraftError
from redraft.core.place import place
from redraft.worker import together
from redraft.worker.bug import bug
from redraft.worker.context import ProcessWork
from redraft.worker.permit import LeasePermit
from redraft.worker.verbs import find_verb
from redraft.worker.wire import Lines, Message, listen

ONE_REQUEST = 2.0
"""Seconds within which requests to stop are one: they may come from several sides at once."""


def main() -> int:
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, _Interrupt())
    signal.signal(signal.SIGINT, _Interrupt())
    lines, message = Lines(), together.given()
    first = message is None or place().rank == 0
    message = message or lines.first()
    work = ProcessWork(events, errors_alone=not first)
    if together.wanted(message) > 1:
        return _launch(message, lines, events.fileno(), work)
    work.permit = permit = LeasePermit(work.emit, work.log)
    permit.hear(message)
    debug = bool(message.get("debug"))
    try:
        if first:  # the others share its standard input, and end with it
            listen(lines, permit)
        result = find_verb(sys.argv[1])(message.get("request", {}), work)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is done: a late wish changes nothing
        work.emit({"event": "result", "value": result.value, "exit_code": result.exit_code})
        return 0
    except RedraftError as error:
        return _fail(work, error, debug)
    except KeyboardInterrupt:
        return _fail(work, Interrupted("stopped", remedy="What was finished is kept"), debug)
    except MemoryError:
        return _fail(
            work,
            RedraftError("out of memory", where=sys.argv[1], remedy="Use a smaller batch or a larger machine"),
            True,
        )
    except Exception as error:
        # The last wall before the user: anything that comes through here is our own bug, and says so.
        return _fail(work, bug(error, "Run it again with --debug and send us the traceback"), True)


def _launch(message: Message, lines: Lines, events: int, work: ProcessWork) -> int:
    try:
        return together.launch(sys.argv[1], message, lines, events)
    except RedraftError as error:
        return _fail(work, error, bool(message.get("debug")))


def _fail(work: ProcessWork, error: RedraftError, trace: bool) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends already
    if trace:
        traceback.print_exc()
    work.emit({"event": "error", "error": error.as_data()})
    return error.exit_code


class _Interrupt:
    """Ends what goes on, whatever it is; the same wish that comes twice does not break off its clearing up."""

    def __init__(self) -> None:
        self._asked = -ONE_REQUEST

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._asked >= ONE_REQUEST:
            self._asked = now
            raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
