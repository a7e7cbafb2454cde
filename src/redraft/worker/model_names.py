"""A model's name to its checkpoint folder.

A name is a checkpoint folder, a run folder (its best checkpoint, else its last), or "default/<task>": what the
user made the default, else the small model that comes with the task.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from redraft.core.discovery import task_folders
from redraft.core.errors import InputError, UsageError


def home() -> Path:
    """The state folder: REDRAFT_HOME, else ~/.redraft."""
    return Path(os.environ.get("REDRAFT_HOME") or Path.home() / ".redraft")


def resolve_model(name: str) -> Path:
    """The checkpoint folder that a name means. What is not one is a UsageError that says what to give."""
    if name.partition("/")[0] == "default":
        return _default(name.partition("/")[2] or "cad")
    path = Path(name)
    if not path.exists():
        raise UsageError(
            "there is no such model",
            where=name,
            remedy="Give a checkpoint folder or a run folder, such as runs/mine",
        )
    if (path / "result.json").is_file() or (path / "checkpoints").is_dir():
        return checkpoint_of_run(path)
    if (path / "manifest.json").is_file():
        return path
    raise UsageError(
        "this folder is neither a checkpoint nor a run",
        where=name,
        remedy="Give runs/<name>/checkpoints/step-<n>, or runs/<name>",
    )


def checkpoint_of_run(run: Path) -> Path:
    """The checkpoint a run's result names, else its newest."""
    result = run / "result.json"
    if result.is_file():
        try:
            named = json.loads(result.read_text(encoding="utf-8")).get("checkpoint")
        except (OSError, ValueError):
            raise InputError(
                "the run's result cannot be read", where=str(result), remedy="Name a checkpoint inside the run"
            ) from None
        if isinstance(named, str) and (run / named).is_dir():
            return run / Path(named)
    steps = sorted((run / "checkpoints").glob("step-*"), key=lambda folder: int(folder.name.partition("-")[2]))
    if not steps:
        raise UsageError("this run has no checkpoint yet", where=str(run), remedy="Train it first")
    return steps[-1]


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
        remedy="Train one with `redraft train`, and give it with --model",
    )
