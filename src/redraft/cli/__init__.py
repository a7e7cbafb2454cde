"""The command line: the same verbs as the API. It starts worker processes and never loads what they load."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redraft.core.errors import RedraftError

UNHEARD = 30.0
"""Seconds that one of several processes waits to be ended where another one tells what both have met."""


def main() -> None:
    """Entry point of `redraft`. A user's mistake ends in one line on standard error and an exit code."""
    from redraft.core.errors import RedraftError

    debug = "--debug" in sys.argv[1:]
    try:
        from redraft.cli.app import build

        build()(args=[argument for argument in sys.argv[1:] if argument != "--debug"], prog_name="redraft")
    except BrokenPipeError:
        # Whoever read our output (head, less) has closed it: there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        from redraft.cli import run
        from redraft.cli.screen import print_error

        known = error if isinstance(error, RedraftError) else _bug(error)
        if not _told_elsewhere(known):
            print_error(known)
        elif not run.started:
            time.sleep(UNHEARD)  # until the launcher ends us: to end first would end the one that tells
        sys.exit(known.exit_code)


def _told_elsewhere(error: RedraftError) -> bool:
    """Whether another process of the same run prints this error; each machine says once what it met itself."""
    from redraft.cli import run
    from redraft.core.errors import ToldElsewhere, UsageError
    from redraft.core.place import place

    try:
        return isinstance(error, ToldElsewhere) or (not run.started and place().local_rank > 0)
    except UsageError:  # the place itself is what is wrong
        return False


def _bug(error: Exception) -> RedraftError:
    """What is no error of ours is a bug of ours, and still ends in one line."""
    from redraft.core.errors import RedraftError

    return RedraftError(
        f"redraft has a bug: {type(error).__name__}: {error}",
        remedy="Run it again with --debug and send us the traceback",
    )
