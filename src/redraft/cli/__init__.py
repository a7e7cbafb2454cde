"""The command line: the same verbs as the API. It starts worker processes and never loads what they load."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of `redraft`. A user's mistake ends in one line on standard error and an exit code."""
    from redraft.core.errors import RedraftError

    debug = "--debug" in sys.argv[1:]
    try:
        from redraft.cli.app import build

        build()(args=[argument for argument in sys.argv[1:] if argument != "--debug"], prog_name="redraft")
    except RedraftError as error:
        if debug:
            raise
        from redraft.cli.screen import print_error

        print_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read our output (head, less) has closed it: there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
