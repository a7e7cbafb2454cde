"""The model that answers for a task when none is named."""

from __future__ import annotations

from pathlib import Path

from redraft.core.discovery import task_folders
from redraft.core.home import home


def default_model(task: str) -> Path | None:
    """The checkpoint that the user made the default, else the small one that comes with the task; None without."""
    folders = [home() / "models" / "default" / task]
    if task in task_folders():
        folders.append(task_folders()[task] / "weights")
    return next((folder for folder in folders if (folder / "manifest.json").is_file()), None)
