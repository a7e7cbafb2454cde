"""Adds a dataset of ours that somebody sent, and removes datasets; never under a job that needs them."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.core.atomic import output_error
from redraft.core.errors import Conflict, InputError, UsageError
from redraft.queue.jobs.removal import users_of
from redraft.state.database import Database
from redraft.state.lying.datasets import MANIFEST, dataset_columns
from redraft.state.lying.files import read_json
from redraft.state.places import DATASETS, new_id, place
from redraft.state.tables import ENDED, Dataset, Job, Upload
from redraft.web.datasets.models import DatasetItem
from redraft.web.datasets.rows import item
from redraft.web.owned import owned
from redraft.web.uploads import rows as uploads


def add(database: Database, upload: str, name: str | None, owner: str) -> str:
    """Makes an upload a dataset and returns its id; the upload is then gone.

    UsageError where it is none of ours; InputError where a file of it is missing or has changed.
    """
    with database.read() as session:
        row = owned(session, Upload, upload, owner)
    folder = uploads.dataset_in(Path(row.folder))
    if folder is None:
        raise UsageError(
            "this upload is no dataset of redraft",
            where=upload,
            remedy="Submit a job of the kind import, which makes one of it",
        )
    columns = _verified(folder, upload)
    id = new_id("data")
    target = place(DATASETS, id)
    try:
        with database.write() as session:
            _free(session, [upload])
            fields = columns | {"name": name or _name(columns, row.name), "origin": "uploaded", "status": "ready"}
            now = database.now(session)
            session.add(Dataset(id=id, folder=str(target), owner=owner, created_at=now, **fields))
            session.delete(owned(session, Upload, upload, owner))
            session.flush()
            _move(folder, target)  # the last thing that can fail before the commit
    except BaseException:
        if target.exists():
            target.rename(folder)
        raise
    shutil.rmtree(row.folder, ignore_errors=True)
    return id


def remove(database: Database, id: str, owner: str, files: bool) -> DatasetItem:
    """Removes the row and, where asked, the folder. Conflict under a job, or where the folder is not ours."""
    with database.write() as session:
        row = owned(session, Dataset, id, owner)
        job = session.get(Job, row.job_id) if row.job_id else None
        if row.status == "making" and job is not None and job.state not in ENDED:
            raise Conflict("a job is still making this dataset", where=job.id, remedy="Delete the job first")
        _free(session, [id])
        folder = Path(row.folder)
        ours = folder.is_relative_to(place(DATASETS, id).parent)
        if files and not ours and folder.exists():
            raise Conflict(
                "the dataset's folder lies outside the state folder, and is not removed from here",
                where=id,
                remedy="Delete it with files=false, then remove the folder yourself",
            )
        shared = session.scalar(select(Dataset.id).where(Dataset.folder == row.folder, Dataset.id != id))
        session.delete(row)
    if files and shared is None:
        shutil.rmtree(folder, ignore_errors=True)
    return DatasetItem(**item(row))


def _free(session: Session, ids: list[str]) -> None:
    """Conflict where a job that has not ended needs one of them."""
    using = users_of(session, ids)
    if using:
        raise Conflict(
            f"a job needs it: {using[0].title or using[0].kind}",
            where=using[0].id,
            remedy="Let the job finish, or cancel it first",
        )


def _verified(folder: Path, upload: str) -> dict[str, Any]:
    """Columns of the dataset's row, once every file has the checksum that the manifest states."""
    try:
        manifest = read_json(folder / MANIFEST)
        columns = dataset_columns(folder, manifest)
    except InputError as error:
        raise InputError(error.what, where=upload, remedy="Pack the whole folder again") from None
    for file in manifest["files"]:
        with (folder / str(file["path"])).open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != file.get("sha256"):
                raise InputError(
                    f"its file {file['path']} has changed since it was made",
                    where=upload,
                    remedy="Pack the whole folder again",
                )
    return columns


def _name(columns: dict[str, Any], sent: str) -> str:
    title = columns["about"].get("title")
    return str(title or sent.rsplit(".", 1)[0])[:200]


def _move(folder: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
    except OSError as error:
        raise output_error("datasets", error) from error
