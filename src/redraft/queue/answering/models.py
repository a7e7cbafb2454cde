"""What can answer, and where it lies: ids and names to folders. Paths and addresses are no names.

A name is the id of a checkpoint, of a run (its newest checkpoint) or of a model; a model's name; "default/<task>",
for which "<task>" is short; or an alias that the operator gave, as in
REDRAFT_MODEL_ALIASES="gpt-4o=default/cad,mine=run-01k...".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from redraft.core.default_model import default_model
from redraft.core.discovery import task_folders
from redraft.core.errors import NotFound, UsageError
from redraft.state.database import Database
from redraft.state.tables import Checkpoint, Model, Run

VARIABLE = "REDRAFT_MODEL_ALIASES"
DEFAULT = "default/"


@dataclass(frozen=True, slots=True)
class Known:
    """id: its name. created: seconds since 1970, 0 where that is not known. title: for people."""

    id: str
    folder: Path
    created: int = 0
    title: str = ""


def aliases() -> dict[str, str]:
    """As the operator says; a UsageError where that cannot be read."""
    found = {}
    for pair in filter(None, (part.strip() for part in os.environ.get(VARIABLE, "").split(","))):
        name, equals, meant = (word.strip() for word in pair.partition("="))
        if not (name and equals and meant):
            raise UsageError(f"'{pair}' is no alias", where=VARIABLE, remedy="Write NAME=MODEL,NAME=MODEL")
        found[name] = meant
    return found


def find(database: Database | None, name: str) -> Known:
    """What the name means; NotFound where nothing does, or where its files are not there."""
    meant = aliases().get(name, name)
    if meant in task_folders():
        meant = DEFAULT + meant
    if meant.startswith(DEFAULT):
        task = meant.removeprefix(DEFAULT)
        folder = default_model(task) if task in task_folders() else None
        if folder is not None:
            return Known(meant, folder)
        if task in task_folders():
            raise NotFound(
                f"no model for the task '{task}' is installed",
                where=meant,
                remedy=f"Name one of those that GET /v1/models lists, or train one: `redraft demo --task {task}`",
            )
    elif database is not None:
        with database.read() as session:
            known = _row(session, meant)
        if known is not None and known.folder.is_dir():
            return known
    raise NotFound(
        "there is no model of that name that can answer",
        where=name[:100],
        remedy="GET /v1/models lists those that can; `redraft db sync` enters what lies in folders",
    )


def every(database: Database | None) -> list[Known]:
    """All that can answer, the newest first, behind the tasks' own."""
    found = [Known(f"{DEFAULT}{task}", folder) for task in task_folders() if (folder := default_model(task))]
    if database is None:
        return found
    with database.read() as session:
        standing = [(row, run) for row, run in session.execute(_standing())]
        models = [_model(row) for row in session.scalars(select(Model).where(Model.folder.is_not(None)))]
    newest: dict[str, tuple[Checkpoint, Run]] = {}
    for row, run in standing:
        best = newest.setdefault(run.id, (row, run))[0]
        if (row.latest, row.step) > (best.latest, best.step):
            newest[run.id] = (row, run)
    rows = [
        *(_run(row, run) for row, run in newest.values()),
        *(_checkpoint(row, run) for row, run in standing),
        *models,
    ]
    known = [one for one in rows if one is not None and one.folder.is_dir()]
    return found + sorted(known, key=lambda one: -one.created)


def _standing() -> Select[Checkpoint, Run]:
    return select(Checkpoint, Run).join(Run, Checkpoint.run_id == Run.id).where(~Checkpoint.removed)


def _row(session: Session, name: str) -> Known | None:
    checkpoint = session.execute(_standing().where(Checkpoint.id == name)).first()
    if checkpoint is not None:
        return _checkpoint(checkpoint[0], checkpoint[1])
    run = session.get(Run, name)
    if run is not None:
        newest = session.scalars(
            select(Checkpoint)
            .where(Checkpoint.run_id == run.id, ~Checkpoint.removed)
            .order_by(Checkpoint.latest.desc(), Checkpoint.step.desc())
            .limit(1)
        ).first()
        return None if newest is None else _run(newest, run)
    model = session.get(Model, name) or session.scalars(select(Model).where(Model.name == name)).first()
    return _model(model) if model is not None else None


def _checkpoint(row: Checkpoint, run: Run) -> Known:
    return Known(row.id, Path(run.folder) / row.path, int(row.created_at), f"{run.name}, step {row.step}")


def _run(newest: Checkpoint, run: Run) -> Known:
    return Known(run.id, Path(run.folder) / newest.path, int(newest.created_at), run.name)


def _model(row: Model) -> Known | None:
    if row.folder is None or row.status != "ready":
        return None
    return Known(row.id, Path(row.folder), int(row.created_at), row.name)
