"""Brings the tables up to what lies in the folders: enters what is new, and says what is gone.

Nothing in a folder is changed, and nothing is deleted: a row whose folder has gone is marked as missing, and is
ready again when the folder is back. What a job is still making is left to its job.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.core.errors import UsageError
from redraft.core.home import home
from redraft.state import catalogue
from redraft.state.database import Database
from redraft.state.lying import Fault, Found, look, pulled
from redraft.state.places import DATASETS, MODELS, RUNS, new_id
from redraft.state.sync_runs import enter_parts
from redraft.state.tables import ENDED, Dataset, Job, Model, Run

Row = Dataset | Run | Model
TABLES: dict[str, type[Any]] = {"dataset": Dataset, "run": Run, "model": Model}
PREFIX = {"dataset": "data", "run": "run", "model": "model"}
CHANGES = ("new", "known", "missing")


@dataclass
class Synced:
    """What changed: counts by kind ("dataset", "run", "model") of rows that are new, known (and brought up to
    date) and missing now. catalogue: base models that it has more. faults: folders that look like ours and cannot
    be read."""

    new: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    known: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    missing: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    catalogue: int = 0
    faults: list[Fault] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        return {
            **{f"{kind}s": {name: getattr(self, name)[kind] for name in CHANGES} for kind in TABLES},
            "catalogue": self.catalogue,
            "left_out": [{"folder": str(fault.folder), "reason": fault.reason} for fault in self.faults],
        }


def sync(database: Database, folders: Sequence[Path] = (), owner: str = "local") -> Synced:
    """Enters what lies in the state folder, in the hub client's cache and in `folders`.

    UsageError where a given folder does not exist; StateError where the database cannot be used.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UsageError("there is no such folder", where=str(folder), remedy="Give a folder to look into")
    places = [home() / room for room in (DATASETS, RUNS, MODELS)] + list(folders)
    lying = [*(thing for place in places if place.is_dir() for thing in look(place.resolve())), *pulled()]
    found = list({thing.folder: thing for thing in lying}.values())  # a folder may be given twice
    synced = Synced(faults=[thing for thing in found if isinstance(thing, Fault)])
    with database.write() as session:
        now = database.now(session)
        synced.catalogue = catalogue.fill(session.connection(), now)
        things = [thing for thing in found if isinstance(thing, Found)]
        # datasets first: a run names the one it was trained on
        for thing in sorted(things, key=lambda thing: list(TABLES).index(thing.kind)):
            _enter(session, thing, now, owner, synced)
        _mark_missing(session, synced)
    return synced


def _enter(session: Session, thing: Found, now: float, owner: str, synced: Synced) -> None:
    row = _row_of(session, thing)
    if row is None:
        row = TABLES[thing.kind](
            id=_id_for(session, thing),
            folder=str(thing.folder),
            owner=owner,
            created_at=min(now, thing.folder.stat().st_mtime),
            **_first(session, thing),
        )
        session.add(row)
        synced.new[thing.kind] += 1
    elif _in_work(session, row):
        return
    else:
        for name, value in thing.columns.items():
            if name not in ("name", "kind"):  # somebody may have given it another name
                setattr(row, name, value)
        row.folder = str(thing.folder)
        if isinstance(row, Dataset):
            row.status = "ready"
        synced.known[thing.kind] += 1
    session.flush()
    if isinstance(row, Run):
        enter_parts(session, row, thing, now)


def _row_of(session: Session, thing: Found) -> Row | None:
    if thing.kind == "model" and thing.columns["kind"] == "base":
        return session.scalar(select(Model).where(Model.name == thing.columns["name"]))
    table = TABLES[thing.kind]
    row: Row | None = session.scalar(select(table).where(table.folder == str(thing.folder)))
    return row


def _first(session: Session, thing: Found) -> dict[str, Any]:
    """The columns of a new row: a model's name is nobody else's, since recipes name models by it."""
    columns = dict(thing.columns)
    if thing.kind != "model":
        return columns
    name, number = columns["name"], 2
    while session.scalar(select(Model.id).where(Model.name == columns["name"])):
        columns["name"], number = f"{name}-{number}", number + 1
    return columns


def _id_for(session: Session, thing: Found) -> str:
    """A folder of ours is named by its id: a database that was lost comes back with the same ids."""
    id, prefix = thing.folder.name, PREFIX[thing.kind]
    rooms = {home().resolve() / room for room in (DATASETS, RUNS, MODELS)}
    ours = thing.folder.parent in rooms and re.fullmatch(rf"{prefix}-[0-9a-z]{{26}}", id)
    return id if ours and session.get(TABLES[thing.kind], id) is None else new_id(prefix)


def _in_work(session: Session, row: Row) -> bool:
    """Whether a job that has not ended makes it."""
    job = session.get(Job, row.job_id) if row.job_id else None
    return job is not None and job.state not in ENDED


def _mark_missing(session: Session, synced: Synced) -> None:
    catalogued = {entry.name for entry in catalogue.entries()}
    for kind, table in TABLES.items():
        for row in session.scalars(select(table).where(table.status.not_in(("missing", "failed", "known")))):
            if row.folder is None or Path(row.folder).is_dir() or _in_work(session, row):
                continue
            row.status = "missing"
            synced.missing[kind] += 1
            if isinstance(row, Model) and row.name in catalogued:
                row.status, row.folder, row.revision = "known", None, None  # it can be pulled again
