"""The work behind the command."""

from __future__ import annotations

import json
from pathlib import Path

from redraft.core.verb import Request, Result
from redraft.core.work import Work


def count(request: Request, work: Work) -> Result:
    """request: file, a truth as JSON."""
    return Result({"dots": len(json.loads(Path(request["file"]).read_text())["places"])})


VERBS = {"toy_task.count": count}
