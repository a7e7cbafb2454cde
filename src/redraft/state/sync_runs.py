"""What belongs to a run: its checkpoints, its evaluations, and the dataset that it was trained on."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.state.lying import Found
from redraft.state.places import new_id
from redraft.state.tables import Checkpoint, Dataset, Evaluation, Run


def enter_parts(session: Session, run: Run, thing: Found, now: float) -> None:
    """Brings the rows of a run's parts up to its folder; now: seconds since 1970, for new ones."""
    if run.dataset_id is None and thing.fingerprint:
        run.dataset_id = session.scalar(
            select(Dataset.id).where(Dataset.fingerprint == thing.fingerprint).order_by(Dataset.id)
        )
    _checkpoints(session, run, thing, now)
    _evaluations(session, run, thing, now)


def _checkpoints(session: Session, run: Run, thing: Found, now: float) -> None:
    rows = {row.step: row for row in session.scalars(select(Checkpoint).where(Checkpoint.run_id == run.id))}
    lying = {columns["step"]: columns for columns in thing.checkpoints}
    for step, row in rows.items():
        row.removed = step not in lying
        row.latest = step in lying and lying[step]["latest"]
    for step in sorted(lying.keys() - rows.keys()):
        session.add(Checkpoint(id=new_id("ckpt"), run_id=run.id, created_at=now, **lying[step]))


def _evaluations(session: Session, run: Run, thing: Found, now: float) -> None:
    rows = {row.folder: row for row in session.scalars(select(Evaluation).where(Evaluation.run_id == run.id))}
    for columns in thing.evaluations:
        row = rows.get(columns["folder"])
        if row is None:
            fingerprint = columns["scores"].get("fingerprint")
            dataset = session.scalar(select(Dataset.id).where(Dataset.fingerprint == fingerprint))
            session.add(
                Evaluation(id=new_id("eval"), run_id=run.id, dataset_id=dataset, created_at=now, **columns)
            )
        elif row.job_id is None:
            row.scores = columns["scores"]
