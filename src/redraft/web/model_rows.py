"""Rows of models as the API reads them, and removing what was made here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from redraft.core.errors import Conflict, NotFound
from redraft.queue.jobs.removal import users_of
from redraft.state.database import Database
from redraft.state.places import MODELS, place
from redraft.state.tables import ENDED, Job, Model, State
from redraft.web.jobs.models import Progress
from redraft.web.model_items import ModelItem, Pull
from redraft.web.shown import shown


def owned(session: Session, id: str, owner: str) -> Model:
    """The model; NotFound where there is none or it is somebody else's. Base models are everybody's."""
    row = session.get(Model, id)
    if row is None or (row.owner != owner and row.kind != "base"):
        raise NotFound("there is no such model", where=id, remedy="GET /api/models names them all")
    return row


def item(row: Model, job: Job | None) -> ModelItem:
    about: dict[str, Any] = row.about or {}
    fields: dict[str, Any] = {
        "id": row.id,
        "name": shown(row.name),
        "title": str(about.get("title") or shown(row.name).removeprefix("hf:")),
        "kind": row.kind,
        "status": row.status,
        "family": row.family,
        "licence": row.licence,
        "parameters": row.parameters,
        "bytes": row.bytes,
        "memory_to_train": about.get("memory_to_train") or {},
        "tasks": about.get("tasks") or [],
        "recipes": about.get("recipes") or [],
        "note": about.get("note") or "",
        "revision": row.revision,
        "pull": _pull(row, job),
        "job": row.job_id,
        "created_at": row.created_at,
    }
    return ModelItem(**fields)


def _pull(row: Model, job: Job | None) -> Pull | None:
    if job is None or job.kind != "pull" or job.state == State.FINISHED:
        return None
    progress = Progress.model_validate(job.progress) if job.progress else None
    return Pull(job=job.id, state=job.state, reason=shown(job.reason), progress=progress)


def page(
    database: Database, owner: str, after: str | None, limit: int, **wanted: str | None
) -> tuple[list[ModelItem], str | None]:
    """Models by their ids, and the `after` of those that follow. wanted: kind, status, family."""
    query = select(Model, Job).outerjoin(Job, Job.id == Model.job_id).order_by(Model.id).limit(limit + 1)
    query = query.where(or_(Model.owner == owner, Model.kind == "base"))
    for column, value in wanted.items():
        if value is not None:
            query = query.where(getattr(Model, column) == value)
    if after is not None:
        query = query.where(Model.id > after)
    with database.read() as session:
        rows = list(session.execute(query))
    items = [item(row, job) for row, job in rows[:limit]]
    return items, items[-1].id if len(rows) > limit else None


def one(database: Database, id: str, owner: str) -> ModelItem:
    with database.read() as session:
        row = owned(session, id, owner)
        return item(row, session.get(Job, row.job_id) if row.job_id else None)


def remove(database: Database, id: str, owner: str, files: bool) -> ModelItem:
    """Removes a model that was made or imported here. Conflict for one of the hub, whose files other programs
    share, under a job, and where its folder is not ours."""
    with database.write() as session:
        row = owned(session, id, owner)
        if row.kind == "base":
            raise Conflict(
                "a base model lies in the hub client's cache, which other programs share",
                where=id,
                remedy="Remove it there (`hf cache rm`), then run `redraft db sync`",
            )
        job = session.get(Job, row.job_id) if row.job_id else None
        using = [job] if job is not None and job.state not in ENDED else users_of(session, [id, row.name])
        if using:
            raise Conflict("a job needs this model", where=using[0].id, remedy="Let it finish, or cancel it first")
        folder = Path(row.folder) if row.folder else None
        ours = folder is not None and folder.is_relative_to(place(MODELS, id).parent)
        if files and folder is not None and folder.exists() and not ours:
            raise Conflict(
                "the model's folder lies outside the state folder, and is not removed from here",
                where=id,
                remedy="Delete it with files=false, then remove the folder yourself",
            )
        session.delete(row)
    if files and folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    return item(row, None)
