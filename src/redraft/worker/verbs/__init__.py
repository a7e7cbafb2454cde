"""The verbs a worker knows: those of the modules in this folder and those that the tasks bring."""

from __future__ import annotations

import importlib
import pkgutil

from redraft.core.discovery import task_folders, task_module
from redraft.core.errors import UsageError
from redraft.core.verb import Verb


def find_verb(name: str) -> Verb:
    """The verb of that name; "data.generate" lives in `verbs/data.py`, "cad.measure" in the task cad's `verbs`.

    Only the module of the name's first part is imported, so a small verb starts without torch.
    """
    group = name.partition(".")[0]
    for module in pkgutil.iter_modules(__path__):
        if module.name == group:
            verbs: dict[str, Verb] = importlib.import_module(f"{__name__}.{group}").VERBS
            break
    else:
        brought = task_module(group, "verbs")
        verbs = {} if brought is None else brought.VERBS
    if name not in verbs:
        known = sorted({*(module.name for module in pkgutil.iter_modules(__path__)), *task_folders()})
        raise UsageError(f"there is no verb '{name}'", remedy=f"Verbs start with one of: {', '.join(known)}")
    return verbs[name]
