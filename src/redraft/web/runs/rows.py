"""Rows of runs, checkpoints and evaluations as the API reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.state.database import Database
from redraft.state.tables import Checkpoint, Evaluation, Run
from redraft.web.owned import owned
from redraft.web.runs.models import CheckpointItem, EvaluationItem, RunDetail, RunItem
from redraft.web.shown import shown

REPORT = "report.html"


def find(database: Database, id: str, owner: str) -> Run:
    with database.read() as session:
        return owned(session, Run, id, owner)


def page(
    database: Database, owner: str, after: str | None, limit: int, *, status: str | None, task: str | None
) -> tuple[list[RunItem], str | None]:
    """Runs, the newest first, and what to give as `after` for those that follow."""
    query = select(Run).where(Run.owner == owner).order_by(Run.id.desc()).limit(limit + 1)
    if status is not None:
        query = query.where(Run.status == status)
    if task is not None:
        query = query.where(Run.task == task)
    if after is not None:
        query = query.where(Run.id < after)
    with database.read() as session:
        rows = list(session.scalars(query))
    return [RunItem(**item(run)) for run in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None


def item(run: Run) -> dict[str, Any]:
    """The fields of a RunItem."""
    result = run.result or {}
    return {
        "id": run.id,
        "name": run.name,
        "task": run.task,
        "base": shown(run.base),
        "dataset": run.dataset_id,
        "job": run.job_id,
        "status": run.status,
        "steps": run.steps,
        "train_loss": result.get("train_loss"),
        "score": (result.get("scores") or {}).get("mean"),
        "created_at": run.created_at,
    }


def one(database: Database, id: str, owner: str) -> RunDetail:
    """Everything that is known of a run."""
    with database.read() as session:
        run = owned(session, Run, id, owner)
        saved = list(session.execute(_checkpoints().where(Checkpoint.run_id == id).order_by(Checkpoint.step)))
        scored = evaluations(session, id)
    return RunDetail(
        **item(run),
        recipe=shown(run.recipe),
        result=shown(run.result),
        checkpoints=[checkpoint_item(*row) for row in saved],
        evaluations=scored,
        report=(Path(run.folder) / REPORT).is_file(),
    )


def evaluations(session: Session, run: str) -> list[EvaluationItem]:
    """Those made of a run after its training, the oldest first."""
    query = select(Evaluation).where(Evaluation.run_id == run).order_by(Evaluation.created_at, Evaluation.id)
    return [
        EvaluationItem(
            id=row.id,
            model=shown(row.model),
            dataset=row.dataset_id,
            split=row.split,
            scores=shown(row.scores),
            job=row.job_id,
            created_at=row.created_at,
        )
        for row in session.scalars(query)
    ]


def checkpoints(
    database: Database, owner: str, after: str | None, limit: int, *, run: str | None, removed: bool
) -> tuple[list[CheckpointItem], str | None]:
    """Checkpoints, the newest first; removed: also those that are gone."""
    query = _checkpoints().where(Run.owner == owner).order_by(Checkpoint.id.desc()).limit(limit + 1)
    if run is not None:
        query = query.where(Checkpoint.run_id == run)
    if not removed:
        query = query.where(Checkpoint.removed.is_(False))
    if after is not None:
        query = query.where(Checkpoint.id < after)
    with database.read() as session:
        rows = [checkpoint_item(*row) for row in session.execute(query)]
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def _checkpoints() -> Any:
    return select(Checkpoint, Run.name, Run.task, Run.base).join(Run, Run.id == Checkpoint.run_id)


def checkpoint_item(row: Checkpoint, name: str, task: str | None, base: str | None) -> CheckpointItem:
    return CheckpointItem(
        id=row.id,
        run=row.run_id,
        run_name=name,
        task=task,
        base=shown(base),
        step=row.step,
        bytes=row.bytes,
        latest=row.latest,
        removed=row.removed,
        created_at=row.created_at,
    )
