"""Rows of uploads, and the room that their owner has left."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from redraft.core.errors import Conflict
from redraft.state.database import Database
from redraft.state.tables import ENDED, Job, Upload
from redraft.web.owned import owned
from redraft.web.uploads.models import UploadDetail, UploadItem
from redraft.web.uploads.receiving import Received, Room, sweep

MANIFEST = "manifest.json"


def room(database: Database, owner: str, file: int, quota: int, arriving: int) -> Room:
    """file, quota: bytes of one file, and of all of an owner's. arriving: bytes of what is being received now.

    What killed servers left is removed first.
    """
    with database.read() as session:
        sweep(set(session.scalars(select(Upload.id))))
        return Room(file, max(0, quota - _taken(session, owner) - arriving))


def _taken(session: Session, owner: str) -> int:
    return int(session.scalar(select(func.sum(Upload.bytes)).where(Upload.owner == owner)) or 0)


def enter(database: Database, received: Received, owner: str, quota: int) -> UploadDetail:
    """The row; where it cannot be written, the files go too. TooLarge where others that came in meanwhile have
    taken the room."""
    try:
        with database.write() as session:
            Room(quota, quota - _taken(session, owner)).check(received.bytes, received.name)
            row = Upload(
                id=received.id,
                name=received.name,
                bytes=received.bytes,
                sha256=received.sha256,
                folder=str(received.folder),
                owner=owner,
                created_at=database.now(session),
            )
            session.add(row)
    except BaseException:
        shutil.rmtree(received.folder, ignore_errors=True)
        raise
    return UploadDetail(
        **item(row).model_dump(),
        files=received.files,
        passed_over=received.passed_over,
        dataset=dataset_in(received.folder) is not None,
    )


def item(row: Upload) -> UploadItem:
    return UploadItem(id=row.id, name=row.name, bytes=row.bytes, sha256=row.sha256, created_at=row.created_at)


def page(database: Database, owner: str, after: str | None, limit: int) -> tuple[list[UploadItem], str | None]:
    """Uploads, the newest first, and what to give as `after` for those that follow."""
    query = select(Upload).where(Upload.owner == owner).order_by(Upload.id.desc()).limit(limit + 1)
    if after is not None:
        query = query.where(Upload.id < after)
    with database.read() as session:
        rows = list(session.scalars(query))
    return [item(row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None


def one(database: Database, id: str, owner: str) -> UploadDetail:
    with database.read() as session:
        row = owned(session, Upload, id, owner)
    folder = Path(row.folder)
    files = sum(path.is_file() for path in folder.rglob("*"))
    return UploadDetail(**item(row).model_dump(), files=files, dataset=dataset_in(folder) is not None)


def remove(database: Database, id: str, owner: str) -> UploadItem:
    """Removes an upload with its files. Conflict where a job that has not ended was given it."""
    with database.write() as session:
        row = owned(session, Upload, id, owner)
        jobs = session.scalars(select(Job).where(Job.kind == "import", Job.state.not_in(ENDED)))
        using = next((job.id for job in jobs if job.payload.get("upload") == id), None)
        if using is not None:
            raise Conflict("a job needs this upload", where=using, remedy="Let it finish, or cancel it first")
        session.delete(row)
    shutil.rmtree(row.folder, ignore_errors=True)
    return item(row)


def dataset_in(folder: Path) -> Path | None:
    """The folder of a dataset of ours in an upload: it, or the one folder that it holds."""
    inside = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return next((path for path in (folder, *inside[:1]) if (path / MANIFEST).is_file()), None)
