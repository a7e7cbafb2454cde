"""`data import`: somebody's files to a dataset, by an importer of a task or one that serves every task."""

from __future__ import annotations

import time
from typing import Any

from redraft.core.discovery import load_task, task_folders
from redraft.core.errors import InputError, UsageError
from redraft.core.task import Importer, Task
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.datasets.importers import IMPORTERS
from redraft.datasets.manifest import Source
from redraft.datasets.splitting import SPLITS
from redraft.datasets.writer import DatasetWriter
from redraft.worker.verbs.data_made import Listening, summary, task_options

DEFAULT_TASK = "cad"
"""Whose data the importers hold that serve every task, where none is named."""


def import_(request: Request, work: Work) -> Result:
    """request: importer, source, out, task, train, validation, test, split_file, seed, options, columns,
    image_folder, name, licence, images."""
    started = time.monotonic()
    importer, task = find_importer(request["importer"], request.get("task"))
    options, keep = task_options(task, request)
    settings = _settings(request, importer, options)
    with DatasetWriter(
        request["out"],
        task=task.name,
        revision=task.revision,
        options=options,
        seed=request.get("seed"),
        versions=task.versions(),
        source=Source(
            how=_how(importer, request),
            origin=request["source"] if request["source"].startswith("hf:") else importer.help,
            licence=request.get("licence") or importer.licence,
        ),
        keep_images=keep,
        title=f"{task.title} ({importer.name})",
    ) as writer:
        listening = Listening(work, writer)
        for imported in importer.run(request["source"], settings, listening):
            example = imported.example
            if not keep and importer.name in IMPORTERS:
                example = example.with_images(())
            try:
                writer.add(imported.split, example)
            except InputError as error:
                listening.left_out(example.id, error.what)
    assert writer.manifest is not None
    return Result(summary(request["out"], writer.manifest, started))


def find_importer(name: str, task_name: str | None) -> tuple[Importer, Task]:
    """The importer of that name and the task its examples are for; an unknown one is a UsageError."""
    if name in IMPORTERS:
        return IMPORTERS[name], load_task(task_name or DEFAULT_TASK)
    known = list(IMPORTERS)
    for candidate in [task_name] if task_name else task_folders():
        task = load_task(candidate)
        importers = task.importers()
        if name in importers:
            return importers[name], task
        known = [*importers, *known]
    raise UsageError(f"there is no importer '{name}'", remedy=f"Choose one of: {', '.join(known)}")


def _settings(request: Request, importer: Importer, options: dict[str, Any]) -> dict[str, Any]:
    """What the importer is told: a task's one also gets the options of its task, which it draws with."""
    names = (*SPLITS, "split_file", "seed")
    if importer.name in IMPORTERS:
        settings = {name: request.get(name) for name in (*names, "columns", "image_folder", "name")}
        if settings.pop("split_file") is not None:
            raise UsageError(f"the importer {importer.name} takes no split file", remedy="Leave --split-file out")
    else:
        settings = {name: request.get(name) for name in names} | options
    return {name: value for name, value in settings.items() if value is not None}


def _how(importer: Importer, request: Request) -> str:
    counts = [f"{request[s]:,} {s}" for s in SPLITS if request.get(s) is not None]
    seed = [f"seed {request['seed']}"] if request.get("seed") is not None else []
    return ", ".join([f"redraft data import {importer.name}", *counts, *seed])
