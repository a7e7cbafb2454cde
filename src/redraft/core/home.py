"""Where redraft keeps what belongs to no project: chosen models, verdicts on devices, durable jobs."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The state folder: REDRAFT_HOME, else DEEPSYNTH_UI_STATE_DIR (its name in DeepSynth), else ~/.redraft."""
    for name in ("REDRAFT_HOME", "DEEPSYNTH_UI_STATE_DIR"):
        if os.environ.get(name):
            return Path(os.environ[name])
    return Path.home() / ".redraft"
