"""A model's name to its checkpoint folder.

A name is a folder (a checkpoint, a run, or a plain model), or "default/<task>": what the user made the default,
else the small model that comes with the task.
"""

from __future__ import annotations

from pathlib import Path

from redraft.core.default_model import default_model
from redraft.core.errors import UsageError


def resolve_model(name: str) -> Path:
    """The folder that a name means; one that is not there is a UsageError."""
    if name.partition("/")[0] == "default":
        return _default(name.partition("/")[2] or "cad")
    path = Path(name)
    if not path.exists():
        raise UsageError(
            "there is no such model",
            where=name,
            remedy="Give a checkpoint folder or a run folder, such as runs/mine",
        )
    return path


def _default(task: str) -> Path:
    folder = default_model(task)
    if folder is not None:
        return folder
    raise UsageError(
        f"no model for the task '{task}' is installed",
        remedy=f"Train one with `redraft demo --task {task}` or `redraft train`, and give its run with --model",
    )
