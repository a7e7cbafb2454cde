"""Rows of a run, its checkpoints and its last evaluation, from what lies in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from redraft.state.lying.runs import MANIFEST, checkpoint_columns, steps_in
from redraft.state.places import new_id
from redraft.state.tables import Checkpoint, Evaluation, Job, Run


def match_checkpoints(session: Session, run: Run, at: float) -> dict[int, Checkpoint]:
    """Rows as the folder has it: pruned checkpoints are marked as removed, and one that was published when nobody
    could note it any more is entered. at: seconds since 1970, for the new rows. Those that are there, by step."""
    folder = Path(run.folder)
    lying = steps_in(folder)
    rows = {row.step: row for row in session.scalars(select(Checkpoint).where(Checkpoint.run_id == run.id))}
    for step, row in rows.items():
        row.removed = step not in lying
    rows = {step: row for step, row in rows.items() if not row.removed}
    for step in lying.keys() - rows.keys():
        columns = checkpoint_columns(folder, lying[step], read_json(lying[step] / MANIFEST))
        rows[step] = Checkpoint(id=new_id("ckpt"), run_id=run.id, created_at=at, **columns)
        session.add(rows[step])
    for step, row in rows.items():
        row.latest = step == max(rows)
    return dict(sorted(rows.items()))


def read_json(path: Path) -> dict[str, Any]:
    """Empty where there is no whole file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def enter_scores(session: Session, run: Run, job: Job, checkpoints: Mapping[int, Checkpoint], at: float) -> None:
    """The run's last evaluation as a row of its own, once a job."""
    result = run.result or {}
    scores = result.get("scores")
    if not isinstance(scores, Mapping) or scores.get("mean") is None:
        return
    step = scores.get("step")
    model = checkpoints[step].id if isinstance(step, int) and step in checkpoints else run.id
    known = session.scalar(select(Evaluation).where(Evaluation.run_id == run.id, Evaluation.model == model))
    if known is not None and known.job_id == job.id:
        known.scores = dict(scores)
        return
    folder = Path(run.folder) / "samples" / f"step-{step}"
    session.add(
        Evaluation(
            id=new_id("eval"),
            run_id=run.id,
            model=model,
            dataset_id=run.dataset_id,
            split=str((run.recipe.get("evaluate") or {}).get("split", "validation")),
            scores=dict(scores),
            folder=str(folder) if folder.is_dir() else None,
            job_id=job.id,
            created_at=at,
        )
    )
