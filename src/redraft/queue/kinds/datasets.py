"""The row of a dataset, before and after a job has made it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from redraft.core.errors import Conflict, InputError, OutputError
from redraft.queue.kinds.plain import without_paths
from redraft.state.lying.datasets import MANIFEST, dataset_columns
from redraft.state.places import DATASETS, new_id, place
from redraft.state.tables import Dataset, Job

OUTPUT = "dataset"
"""The key of `Job.output` that holds the id."""


def begin(session: Session, job: Job, name: str, task: str | None, origin: str) -> Dataset:
    """Enters a dataset that the job will make."""
    id = new_id("data")
    row = Dataset(
        id=id,
        name=name,
        folder=str(place(DATASETS, id)),
        status="making",
        origin=origin,
        task=task,
        job_id=job.id,
        owner=job.owner,
        created_at=job.created_at,
    )
    session.add(row)
    job.output = {**(job.output or {}), OUTPUT: id}
    return row


def made(session: Session, job: Job) -> Dataset | None:
    """The row of what the job makes; None where somebody has removed it."""
    id = (job.output or {}).get(OUTPUT)
    return session.get(Dataset, id) if id else None


def is_whole(path: Path) -> bool:
    """A dataset's folder gets its name by one rename, with the manifest in it."""
    return (path / MANIFEST).is_file()


def again(session: Session, job: Job) -> Path:
    """Where the dataset is to be made, its row open once more. Conflict where somebody has removed that."""
    row = made(session, job)
    if row is None:
        raise Conflict("the dataset of this job was removed", where=job.id, remedy="Submit it again")
    row.status = "making"
    return Path(row.folder)


def value_of(path: Path) -> dict[str, Any]:
    """What the verb that made a whole dataset returned, but for its speed."""
    found = facts(path)
    return {
        "output": str(path),
        "task": found["task"],
        "examples": sum(found["counts"].values()),
        "counts": found["counts"],
        "bytes": found["bytes"],
        "images": found["about"]["images"],
        "fingerprint": found["fingerprint"],
        "left_out": found["about"]["left_out"],
    }


def enter(session: Session, job: Job, value: Mapping[str, Any]) -> None:
    """Fills the row from the manifest of what was made, and the job's result."""
    row = made(session, job)
    if row is None:
        return
    for name, fact in facts(Path(row.folder)).items():
        setattr(row, name, fact)
    row.status = "ready"
    job.result = without_paths(value, {row.folder: row.id})


def end(session: Session, job: Job) -> None:
    row = made(session, job)
    if row is not None and row.status == "making":
        row.status = "failed"


def remove(session: Session, job: Job, files: bool) -> list[Path]:
    """The folder to remove with the row, where that is asked for."""
    row = made(session, job)
    if row is None or not files:
        end(session, job)
        return []
    session.delete(row)
    return [Path(row.folder)]


def facts(path: Path) -> dict[str, Any]:
    """Columns of the row of a dataset that was just made. OutputError where it is not whole."""
    try:
        columns = dataset_columns(path)
    except InputError as error:
        raise OutputError(
            f"what was made cannot be read again: {error.what}", where=str(path), remedy="Make the dataset again"
        ) from error
    return {name: value for name, value in columns.items() if name != "name"}
