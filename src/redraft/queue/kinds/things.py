"""Datasets, runs, checkpoints and models by their ids: their rows, and the job that is still making one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.core.discovery import task_folders
from redraft.core.errors import Conflict, NotFound
from redraft.state.tables import Checkpoint, Dataset, Job, Model, Run, State, Table, Upload

Thing = TypeVar("Thing", bound=Table)
TINY, HUB = "tiny", "hf:"
NAMES = (TINY, HUB, "default/")
"""How names of models begin that need no row."""
MAKING = ("pulling", "making")
PENDING = (State.WAITING, State.QUEUED, State.RUNNING, State.PAUSED)
"""States of a job that may still make what it was submitted for."""


def check_task(name: str) -> None:
    """NotFound where there is no such task; it names those that there are."""
    known = task_folders()
    if name not in known:
        raise NotFound(
            f"there is no task '{name[:40]}'", where="task", remedy=f"Choose one of: {', '.join(known)}"
        )


def find(session: Session, table: type[Thing], id: str, what: str, remedy: str, owner: str | None) -> Thing:
    """The row with that id, else NotFound, as for another owner's. what: "dataset", "run", ..."""
    row = session.get(table, id)
    if row is None or _is_others(row, owner):
        raise NotFound(f"there is no {what} with this id", where=id, remedy=remedy)
    return row


def find_dataset(session: Session, id: str, owner: str | None = None) -> tuple[Dataset, list[str]]:
    """The dataset, and the job that makes it where it is not there yet. Conflict where it will never be.

    owner: whose it has to be; None for anybody's.
    """
    row = find(session, Dataset, id, "dataset", "`redraft db sync` enters those that lie in the folders", owner)
    if row.status == "ready":
        return row, []
    maker = pending(session, row.job_id)
    if maker is None or row.status == "missing":
        raise _unusable("dataset", id, "failed" if row.status == "making" else row.status)
    return row, [maker]


def find_run(session: Session, id: str, owner: str | None = None) -> tuple[Run, list[str]]:
    """The run, and the job that trains it where that has not ended."""
    row = find(session, Run, id, "run", "`redraft jobs list` shows what was trained", owner)
    if row.status == "finished":
        return row, []
    if row.status == "missing":
        raise _unusable("run", id, row.status)
    maker = pending(session, row.job_id)
    return row, [maker] if maker is not None else []


def find_model(
    session: Session, name: str, owner: str | None = None
) -> tuple[Checkpoint | Run | Model | None, list[str]]:
    """The row that a payload's model means, by an id or a model's name, and the job that makes it where that goes
    on; None for a name that no row is needed for ("tiny", "hf:owner/name", "default/cad")."""
    if name.startswith("run-"):
        return find_run(session, name, owner)
    checkpoint = session.get(Checkpoint, name)
    if checkpoint is not None:
        find_run(session, checkpoint.run_id, owner)
        return checkpoint, []
    row = session.get(Model, name) or session.scalar(select(Model).where(Model.name.in_((name, HUB + name))))
    if row is not None and row.kind != "base" and _is_others(row, owner):
        row = None
    if row is None and not name.startswith(NAMES):
        raise NotFound(
            "there is no checkpoint, run or model of this id or name",
            where=name,
            remedy="Give an id, tiny, or hf:<owner>/<name> for a model on the hub",
        )
    if row is None or row.status in ("known", "ready"):
        return row, []
    maker = pending(session, row.job_id)
    if maker is None:
        raise _unusable("model", name, "failed" if row.status in MAKING else row.status)
    return row, [maker]


def place_of_model(session: Session, name: str) -> str:
    """What the worker opens for a model as a payload names it: a folder, or the name itself."""
    row, _ = find_model(session, name)
    if isinstance(row, Checkpoint):
        run = session.get(Run, row.run_id)
        assert run is not None  # the foreign key holds it
        return str(Path(run.folder) / row.path)
    if isinstance(row, Run):
        return row.folder
    if isinstance(row, Model):
        if row.kind != "base" or row.name.startswith("/"):
            return str(row.folder or row.name)
        return row.name if row.name.startswith(NAMES) else HUB + row.name
    return name


def pending(session: Session, job_id: str | None) -> str | None:
    """The id of a job that may still make what it was submitted for."""
    job = session.get(Job, job_id) if job_id else None
    return job.id if job is not None and job.state in PENDING else None


def find_upload(session: Session, id: str, owner: str | None = None) -> Upload:
    return find(session, Upload, id, "upload", "Send the file first; it is kept until a job has used it", owner)


def _is_others(row: Any, owner: str | None) -> bool:
    return owner is not None and row.owner != owner


def _unusable(what: str, id: str, status: str) -> Conflict:
    why = {"missing": "its folder is gone", "failed": "making it failed"}.get(status, f"it is {status}")
    return Conflict(f"this {what} cannot be used: {why}", where=id, remedy="Make it again, or give another one")


def dataset_folder(session: Session, id: str) -> Path:
    """Where a dataset lies; Conflict where it was deleted under the job that wants it."""
    row = session.get(Dataset, id)
    if row is None or not Path(row.folder).is_dir():
        raise Conflict("this dataset has been removed", where=id, remedy="Put its folder back and resume the job")
    return Path(row.folder)
