"""`data import`: somebody's files to a dataset, by an importer of a task or one that serves every task."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from redraft.core.discovery import load_task, task_folders
from redraft.core.errors import InputError, UsageError
from redraft.core.offers import ReadsRows, offers
from redraft.core.task import Imported, Importer, Task
from redraft.core.verb import Request, Result
from redraft.core.work import Work
from redraft.datasets.drawing import Drawing, ahead
from redraft.datasets.foreign_rows import repository
from redraft.datasets.importers import IMPORTERS
from redraft.datasets.journal import Journal
from redraft.datasets.manifest import Source
from redraft.datasets.repository import HUB
from redraft.datasets.splitting import SPLITS
from redraft.datasets.writer import DatasetWriter
from redraft.worker.verbs.data_made import Listening, Omissions, about, summary, task_options
from redraft.worker.verbs.data_source import source_digest

DEFAULT_TASK = "cad"
"""Whose data the importers hold that serve every task, where none is named."""


def import_(request: Request, work: Work) -> Result:
    """request: importer, source, out, task, train, validation, test, split_file, seed, options, columns,
    image_folder, name, licence, images."""
    started = time.monotonic()
    importer, task = find_importer(request["importer"], request.get("task"))
    options, keep = task_options(task, request)
    settings = _settings(request, importer, task, options)
    writer = DatasetWriter(
        request["out"],
        task=task.name,
        revision=task.revision,
        options=options,
        seed=request.get("seed"),
        versions=task.versions(),
        source=Source(
            how=_how(importer, request),
            origin=request["source"] if request["source"].startswith("hf:") else importer.help,
            licence=request.get("licence") or _known_licence(request["source"], task) or importer.licence,
        ),
        keep_images=keep,
        title=f"{task.title} ({importer.name})",
        about=about(task),
    )
    if importer.resumes and offers(task, ReadsRows) is not None:
        _resumable(request, importer, task, options, settings, writer, keep, work)
    else:
        with writer:
            listening = Listening(work, writer)
            for imported in importer.run(request["source"], settings, listening):
                example = imported.example
                if not keep and importer.name in IMPORTERS:
                    example = example.with_images(())
                try:
                    writer.add(imported.split, example)
                except InputError as error:
                    listening.left_out(example.id, error.what)
            work.permit.check()
    assert writer.manifest is not None
    return Result(summary(request["out"], writer.manifest, started))


def _resumable(
    request: Request,
    importer: Importer,
    task: Task,
    options: Mapping[str, Any],
    settings: dict[str, Any],
    writer: DatasetWriter,
    keep: bool,
    work: Work,
) -> None:
    """What is made is kept in a journal until all is there, so that a stopped import goes on."""
    omissions = Omissions()
    listening = Listening(work, omissions)
    what = {
        "importer": importer.name,
        "task": [task.name, task.revision],
        "settings": settings,
        "keep_images": keep,
        "source": source_digest(request["source"], work),
        "versions": task.versions(),
    }
    with Journal(Path(request["out"]), what, task.same, work) as journal:
        found = importer.run(request["source"], settings | {"written": journal.written}, listening)
        for imported in _with_images(found, task, options, keep):
            try:
                journal.add(imported.split, imported.example)
            except InputError as error:
                listening.left_out(imported.example.id, error.what)
        with writer:
            for omission in omissions:
                writer.left_out(*omission)
            for done, (split, example) in enumerate(journal.examples(), 1):
                writer.add(split, example)
                work.progress("writing the dataset", done, journal.count)
            work.permit.check()
        journal.finish()


def _with_images(
    found: Iterable[Imported], task: Task, options: Mapping[str, Any], keep: bool
) -> Iterator[Imported]:
    """With the images of examples that have none, where they are kept; drawn on all cores."""
    if not keep:
        yield from found
        return
    draw = Drawing(task, options)
    yield from ahead(lambda imported: Imported(imported.split, draw.elsewhere(imported.example)), found)


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


def _settings(request: Request, importer: Importer, task: Task, options: dict[str, Any]) -> dict[str, Any]:
    """What the importer is told: a task's one also gets the options of its task, which it draws with."""
    names = [*SPLITS, "split_file", "seed"]
    if importer.name in IMPORTERS:
        settings = {name: request.get(name) for name in (*names, "columns", "image_folder", "name")}
        if settings.pop("split_file") is not None:
            raise UsageError(f"the importer {importer.name} takes no split file", remedy="Leave --split-file out")
        if importer.resumes and offers(task, ReadsRows) is not None:
            settings |= {"task": task.name, "options": options, "licence": request.get("licence")}
    else:
        for name, option in (("name", "--name"), ("image_folder", "--image-folder")):
            if request.get(name) is not None:
                raise UsageError(f"the importer {importer.name} takes no {option}", remedy="Leave it out")
        if request.get("columns") and not importer.resumes:
            raise UsageError(f"the importer {importer.name} takes no columns", remedy="Leave --column out")
        if importer.resumes:
            names += ["columns", "licence"]
        settings = {name: request.get(name) for name in names} | options
    return {name: value for name, value in settings.items() if value is not None}


def _known_licence(source: str, task: Task) -> str:
    """What the task knows of the rights of a published set."""
    return repository(task, source).licence if source.startswith(HUB) else ""


def _how(importer: Importer, request: Request) -> str:
    counts = [f"{request[s]:,} {s}" for s in SPLITS if request.get(s) is not None]
    seed = [f"seed {request['seed']}"] if request.get("seed") is not None else []
    return ", ".join([f"redraft data import {importer.name}", *counts, *seed])
