"""Finds routes: modules of `web/routes` with a `router`, tasks' `routes` with `register(router, answers)`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from fastapi import APIRouter, FastAPI

from redraft.core.discovery import task_folders, task_module
from redraft.web import routes

TASK_PREFIX = "/api"
"""A task's routes lie below it: `router.post("/reconstruct")` is `POST /api/reconstruct`."""


def include_routes(app: FastAPI, answers: Any) -> None:
    """Adds every route that is found to the application, the service's own before the tasks'."""
    for found in sorted(pkgutil.iter_modules(routes.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{routes.__name__}.{found.name}")
        if hasattr(module, "router"):
            app.include_router(module.router)
    for name in task_folders():
        task_routes = task_module(name, "routes")
        if task_routes is not None:
            router = APIRouter(prefix=TASK_PREFIX, tags=[name])
            task_routes.register(router, answers)
            app.include_router(router)
