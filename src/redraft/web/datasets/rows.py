"""Rows of datasets as the API reads and changes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from redraft.core.errors import Conflict
from redraft.queue.jobs.removal import users_of
from redraft.state.database import Database
from redraft.state.tables import Dataset, Job, Run
from redraft.web.datasets.models import DatasetDetail, DatasetItem, LastCheck
from redraft.web.owned import owned
from redraft.web.shown import shown

CARD = "README.md"
LONGEST_CARD = 200_000
"""Characters of a card that are shown."""


def ready(database: Database, id: str, owner: str) -> Dataset:
    """A dataset that can be read now; else Conflict."""
    with database.read() as session:
        row = owned(session, Dataset, id, owner)
    if row.status == "making":
        raise Conflict("this dataset is still being made", where=id, remedy="Wait for its job to finish")
    if row.status == "failed":
        raise Conflict("making this dataset failed", where=id, remedy="Its job says why; resume it")
    if not Path(row.folder).is_dir():
        raise Conflict("the dataset's folder is gone", where=id, remedy="Put it back, or delete the dataset here")
    return row


def item(row: Dataset) -> dict[str, Any]:
    """The fields of a DatasetItem."""
    counts = {str(split): int(count) for split, count in (row.counts or {}).items()}
    return {
        "id": row.id,
        "name": row.name,
        "task": row.task,
        "status": row.status,
        "origin": row.origin,
        "counts": counts,
        "examples": sum(counts.values()),
        "bytes": row.bytes,
        "licence": row.licence,
        "job": row.job_id,
        "created_at": row.created_at,
    }


def page(
    database: Database, owner: str, after: str | None, limit: int, **wanted: str | None
) -> tuple[list[DatasetItem], str | None]:
    """Datasets, the newest first, and the `after` of those that follow. wanted: status, task, origin."""
    query = select(Dataset).where(Dataset.owner == owner).order_by(Dataset.id.desc()).limit(limit + 1)
    for column, value in wanted.items():
        if value is not None:
            query = query.where(getattr(Dataset, column) == value)
    if after is not None:
        query = query.where(Dataset.id < after)
    with database.read() as session:
        rows = list(session.scalars(query))
    return [DatasetItem(**item(row)) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None


def one(database: Database, id: str, owner: str) -> DatasetDetail:
    """Everything that is known of a dataset."""
    with database.read() as session:
        row = owned(session, Dataset, id, owner)
        used_by = [job.id for job in users_of(session, [id])]
        runs = session.scalar(select(func.count()).select_from(Run).where(Run.dataset_id == id)) or 0
        check = _last_check(session, id, owner)
    return DatasetDetail(
        **item(row),
        fingerprint=row.fingerprint,
        about=shown(row.about),
        card=_card(Path(row.folder)),
        used_by=used_by,
        runs=runs,
        check=check,
    )


def rename(database: Database, id: str, owner: str, name: str) -> DatasetDetail:
    with database.write() as session:
        owned(session, Dataset, id, owner).name = name
    return one(database, id, owner)


def _last_check(session: Session, id: str, owner: str) -> LastCheck | None:
    named = cast(Job.payload, String).contains(id, autoescape=True)
    query = select(Job).where(Job.kind == "check", Job.owner == owner, named).order_by(Job.id.desc()).limit(1)
    job = session.scalar(query)
    if job is None:
        return None
    result = job.result or {}
    faults = result.get("faults")
    return LastCheck(
        job=job.id,
        state=job.state,
        examples=result.get("examples"),
        faults=len(faults) if isinstance(faults, list) else None,
    )


def _card(folder: Path) -> str | None:
    try:
        with (folder / CARD).open(encoding="utf-8") as file:
            return str(shown(file.read(LONGEST_CARD)))
    except (OSError, UnicodeDecodeError):
        return None
