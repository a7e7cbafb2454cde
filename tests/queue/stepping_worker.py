"""`redraft worker` as it is, with the stepping jobs of these tests among the kinds that there are."""

from __future__ import annotations

import sys

from stepping_work import GRACE, KINDS, PROGRAM

from redraft.queue import kinds
from redraft.queue.executors import local

if __name__ == "__main__":
    kinds.KINDS.update(KINDS)  # type: ignore[attr-defined]
    local.executor = lambda: local.LocalExecutor(GRACE, PROGRAM)
    from redraft.cli import main

    sys.argv[1:1] = ["worker"]
    main()
