"""`python -m redraft.worker VERB`: one verb, its request on standard input, its events on standard output.

Standard output belongs to the events alone: whatever a library prints goes to standard error. When standard
input ends, nobody listens any more, and the work is asked to stop as by SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from types import FrameType
from typing import NoReturn

from redraft.core.errors import Interrupted, RedraftError
from redraft.worker.context import ProcessWork
from redraft.worker.verbs import find_verb


def main() -> int:
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    message = json.loads(sys.stdin.buffer.readline() or b"{}")
    threading.Thread(target=_stop_when_left_alone, daemon=True).start()
    work = ProcessWork(events)
    debug = bool(message.get("debug"))
    try:
        result = find_verb(sys.argv[1])(message.get("request", {}), work)
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
        where = traceback.extract_tb(error.__traceback__)[-1]
        fault = RedraftError(
            f"redraft has a bug: {type(error).__name__}: {error}",
            where=f"{Path(where.filename).name}:{where.lineno}",
            remedy="Run it again with --debug and send us the traceback",
        )
        return _fail(work, fault, True)


def _fail(work: ProcessWork, error: RedraftError, trace: bool) -> int:
    if trace:
        traceback.print_exc()
    work.emit({"event": "error", "error": error.as_data()})
    return error.exit_code


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _stop_when_left_alone() -> None:
    try:
        while os.read(0, 65536):
            pass
    except OSError:
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
