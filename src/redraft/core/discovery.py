"""Finds tasks: every folder with a `task.py` in `redraft/tasks`, and in the folders of REDRAFT_TASKS.

REDRAFT_TASKS holds folders separated as in PATH; each subfolder with a `task.py` is a task. Finding a task
imports nothing of it, so that the command line can name all tasks at once.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

from redraft.core.errors import UsageError
from redraft.core.task import Task

EXTERNAL = "redraft_task_"


def task_folders() -> dict[str, Path]:
    """Task name (the folder's) to its folder, the built-in ones first, each group by name."""
    roots = [Path(__file__).parent.parent / "tasks"]
    roots += [Path(p) for p in os.environ.get("REDRAFT_TASKS", "").split(os.pathsep) if p]
    found: dict[str, Path] = {}
    for root in roots:
        if not root.is_dir():
            raise UsageError(
                "REDRAFT_TASKS names a folder that is not there",
                where=str(root),
                remedy="Correct the variable or unset it",
            )
        for folder in sorted(root.iterdir()):
            if (folder / "task.py").is_file():
                found.setdefault(folder.name, folder)
    return found


def task_module(name: str, module: str) -> ModuleType | None:
    """Module `module` ("commands", "verbs", "task") of the task, or None where its folder has none."""
    folder = task_folders().get(name)
    if folder is None or not ((folder / f"{module}.py").is_file() or (folder / module / "__init__.py").is_file()):
        return None
    return importlib.import_module(f"{_package(name, folder)}.{module}")


def load_task(name: str) -> Task:
    """The task of that name; an unknown one is a UsageError that names the known ones."""
    module = task_module(name, "task")
    if module is None:
        raise UsageError(f"there is no task '{name}'", remedy=f"Choose one of: {', '.join(task_folders())}")
    return cast(Task, module.TASK)


def _package(name: str, folder: Path) -> str:
    if folder.parent == Path(__file__).parent.parent / "tasks":
        return f"redraft.tasks.{name}"
    package = EXTERNAL + name
    if package not in sys.modules:
        init = folder / "__init__.py"
        spec = (
            importlib.util.spec_from_file_location(
                package, init if init.is_file() else None, submodule_search_locations=[str(folder)]
            )
            if init.is_file()
            else importlib.machinery.ModuleSpec(package, None, is_package=True)
        )
        assert spec is not None
        spec.submodule_search_locations = [str(folder)]
        created = importlib.util.module_from_spec(spec)
        sys.modules[package] = created
        if spec.loader is not None:
            spec.loader.exec_module(created)
    return package
