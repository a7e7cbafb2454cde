"""A model's name to its checkpoint folder.

A name is a folder (a checkpoint, a run, or a plain model), or "default/<task>": what the user made the default,
else the small model that comes with the task.
"""

from __future__ import annotations

from pathlib import Path

from redraft.core.discovery import task_folders
from redraft.core.errors import UsageError
from redraft.core.home import home


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
    chosen = home() / "models" / "default" / task
    folders = [chosen]
    if task in task_folders():
        folders.append(task_folders()[task] / "weights")
    for folder in folders:
        if (folder / "manifest.json").is_file():
            return folder
    raise UsageError(
        f"no model for the task '{task}' is installed",
        remedy=f"Train one with `redraft demo --task {task}` or `redraft train`, and give its run with --model",
    )
