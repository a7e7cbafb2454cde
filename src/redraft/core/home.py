"""Where redraft keeps what belongs to no project: chosen models, verdicts on devices, durable jobs."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The state folder: REDRAFT_HOME, else ~/.redraft."""
    return Path(os.environ.get("REDRAFT_HOME") or Path.home() / ".redraft")
