"""Removing a job: its row, its events and its log, and, where asked, what it made.

Rows go first, in one transaction with the event "deleted" that names the folders; the folders go after the commit.
Whatever a crash leaves of them, `sweep` finds by those events.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import String, cast, delete, or_, select
from sqlalchemy.orm import Session

from redraft.core.home import home
from redraft.queue.events import append
from redraft.queue.jobs.changes import DELETED, Kinds, end_one, fail_dependants
from redraft.state.database import Database
from redraft.state.places import JOBS, inside, place
from redraft.state.tables import ENDED, Checkpoint, Event, Job, State


@dataclass(frozen=True, slots=True)
class Removal:
    """Folders that no row names any more."""

    folders: list[Path]

    def remove_files(self) -> None:
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)


def remove(session: Session, kinds: Kinds, job: Job, now: float) -> Removal:
    """Removes the row of a job that does not run; those that wait for it fail. Call it under the graph's lock."""
    finished = job.state == State.FINISHED
    if job.state not in ENDED:
        end_one(session, kinds, job, State.CANCELLED, now, "to be deleted")
    made = kinds[job.kind].removed(session, job, job.delete_files) if job.kind in kinds else []
    if not finished or job.delete_files:
        fail_dependants(session, kinds, job, DELETED, now)
    ours = home().resolve()  # what lies anywhere else is not ours to remove, whatever a row says
    folders = [place(JOBS, job.id), *(folder for folder in made if folder.resolve().is_relative_to(ours))]
    names = [str(folder.resolve().relative_to(ours)) for folder in folders]
    session.execute(delete(Event).where(Event.job_id == job.id))
    append(session, job.id, "deleted", {"files": job.delete_files, "folders": names})
    session.delete(job)
    return Removal(folders)


def made_by(session: Session, job: Job) -> list[str]:
    """The ids of what the job makes, and of the checkpoints of its run."""
    ids = [str(id) for id in (job.output or {}).values()]
    return ids + list(session.scalars(select(Checkpoint.id).where(Checkpoint.run_id.in_(ids))))


def users_of(session: Session, ids: list[str]) -> list[Job]:
    """The jobs that have not ended and that name one of these ids in what they were asked for."""
    if not ids:
        return []
    named = or_(*(cast(Job.payload, String).contains(id, autoescape=True) for id in ids))
    query = select(Job).where(Job.state.not_in(ENDED), named).order_by(Job.id)
    return list(session.scalars(query))


def sweep(database: Database) -> list[Path]:
    """Removes the folders of deleted jobs that a crash had left, and returns them. For a worker's start."""
    with database.read() as session:
        events = list(session.scalars(select(Event).where(Event.kind == "deleted")))
    left = [inside(home(), name) for event in events for name in event.data.get("folders", [])]
    left = [folder for folder in left if folder.exists()]
    Removal(left).remove_files()
    return left
