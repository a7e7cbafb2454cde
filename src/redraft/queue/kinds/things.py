"""Datasets, runs, checkpoints and models by their ids: their rows, and the job that is still making one."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.core.errors import Conflict, NotFound
from redraft.state.tables import Checkpoint, Dataset, Job, Model, Run, State, Table, Upload

Thing = TypeVar("Thing", bound=Table)
HUB = "hf:"
NAMES = ("tiny", HUB, "default/", "http://", "https://")
"""How names of models begin that need no row."""
PENDING = (State.WAITING, State.QUEUED, State.RUNNING, State.PAUSED)
"""States of a job that may still make what it was submitted for."""


def find(session: Session, table: type[Thing], id: str, what: str, remedy: str) -> Thing:
    """The row with that id, else NotFound. what: "dataset", "run", ..."""
    row = session.get(table, id)
    if row is None:
        raise NotFound(f"there is no {what} with this id", where=id, remedy=remedy)
    return row


def find_dataset(session: Session, id: str) -> tuple[Dataset, list[str]]:
    """The dataset, and the job that makes it where it is not there yet. Conflict where it will never be."""
    row = find(session, Dataset, id, "dataset", "`redraft db sync` enters those that lie in the folders")
    if row.status == "ready":
        return row, []
    job = session.get(Job, row.job_id) if row.job_id else None
    if row.status == "making" and job is not None and job.state in PENDING:
        return row, [job.id]
    raise _unusable("dataset", id, "failed" if row.status == "making" else row.status)


def find_run(session: Session, id: str) -> tuple[Run, list[str]]:
    """The run, and the job that trains it where that has not ended."""
    row = find(session, Run, id, "run", "`redraft jobs list` shows what was trained")
    if row.status == "finished":
        return row, []
    if row.status == "missing":
        raise _unusable("run", id, row.status)
    job = session.get(Job, row.job_id) if row.job_id else None
    if job is not None and job.state in PENDING:
        return row, [job.id]
    return row, []


def find_model(session: Session, name: str) -> tuple[Checkpoint | Run | Model | None, list[str]]:
    """The row that a payload's model means, by an id or a model's name, and the job that makes it where that goes
    on; None for a name that no row is needed for ("tiny", "hf:owner/name", "default/cad", a server's address)."""
    if name.startswith("run-"):
        return find_run(session, name)
    checkpoint = session.get(Checkpoint, name)
    if checkpoint is not None:
        return checkpoint, []
    row = session.get(Model, name) or session.scalar(select(Model).where(Model.name == name))
    if row is None and not name.startswith(NAMES):
        raise NotFound(
            "there is no checkpoint, run or model of this id or name",
            where=name,
            remedy="Give an id, tiny, or hf:<owner>/<name> for a model on the hub",
        )
    if row is None or row.status in ("known", "ready"):
        return row, []
    job = session.get(Job, row.job_id) if row.job_id else None
    if row.status == "pulling" and job is not None and job.state in PENDING:
        return row, [job.id]
    raise _unusable("model", name, "failed" if row.status == "pulling" else row.status)


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


def find_upload(session: Session, id: str) -> Upload:
    return find(session, Upload, id, "upload", "Send the file first; an upload is kept until a job has used it")


def _unusable(what: str, id: str, status: str) -> Conflict:
    why = {"missing": "its folder is gone", "failed": "making it failed"}.get(status, f"it is {status}")
    return Conflict(f"this {what} cannot be used: {why}", where=id, remedy="Make it again, or give another one")
