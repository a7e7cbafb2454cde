"""A verb that works until it is stopped, and takes its time to clear up."""

from __future__ import annotations

import time
from pathlib import Path

from redraft.core.verb import Request, Result
from redraft.core.work import Work


def wait(request: Request, work: Work) -> Result:
    """request: folder; clearing: seconds to clear up; seconds: how long it works."""
    folder = Path(request["folder"])
    try:
        deadline = time.monotonic() + request.get("seconds", 60.0)
        while time.monotonic() < deadline:
            work.progress("waiting", 0)
            time.sleep(0.02)
    finally:
        (folder / "clearing").touch()
        time.sleep(request.get("clearing", 0.0))
        (folder / "cleared").touch()
    return Result({"token": work.permit.token})


VERBS = {"patient.wait": wait}
