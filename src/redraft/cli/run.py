"""Runs one verb in a worker process, shows it live, and prints its result."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from redraft.core.place import place
from redraft.core.verb import Result

started = False
"""Whether a worker was begun: from then on it says which one of several processes tells an error."""
ONE_REQUEST = 2.0
"""Seconds within which two requests to stop are one."""


def run(
    verb: str,
    request: Mapping[str, Any],
    *,
    as_json: bool = False,
    show: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Does the verb and exits with its code. as_json prints the value alone on standard output.

    Of several processes of one run, the first alone prints.
    """
    result = follow(verb, request)
    if place().rank > 0:
        sys.exit(result.exit_code)
    if as_json:
        sys.stdout.write(json.dumps(result.value, indent=2, ensure_ascii=False) + "\n")
    elif show is not None:
        show(result.value)
    sys.stdout.flush()
    sys.exit(result.exit_code)


def follow(verb: str, request: Mapping[str, Any]) -> Result:
    """Does the verb with live progress on standard error and returns its result; raises the error it met.

    The first Ctrl-C asks the work to save and stop and waits for it; the second ends it at once.
    """
    from redraft.cli.screen import Screen
    from redraft.queue.recovering import RecoveringProcess

    global started
    started, shown = True, place().rank == 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to end: the worker saves first
    process = RecoveringProcess(verb, request, debug="--debug" in sys.argv)
    asked = 0.0
    with Screen() as screen:
        events = process.events()
        while True:
            try:
                for event in events:
                    if shown:
                        screen.show(event)
                return process.result()
            except KeyboardInterrupt:
                # One request may come twice at once: from the terminal and from whoever started us.
                again = asked > 0
                if not again or time.monotonic() - asked > ONE_REQUEST:
                    process.stop(hard=again)
                    if shown:
                        screen.say("stopped at once" if again else "stopping: Ctrl-C again stops without saving")
                    asked = time.monotonic()
                events = process.events()
