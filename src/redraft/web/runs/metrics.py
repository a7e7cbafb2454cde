"""The metrics of a run as the API gives them, and several runs side by side."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from redraft.state.tables import Run
from redraft.web.runs.events import RunEvents, RunsEvents
from redraft.web.runs.models import EvaluationPoint, Metrics, SeriesData

HIDDEN = ("seconds", "examples", "tokens")
"""Figures of single steps that say little as curves; they are given where they are asked for by name."""


def metrics(
    events: RunsEvents, run: Run, *, after: int, points: int, names: Collection[str] | None = None
) -> Metrics:
    """What a run has measured at steps later than `after`, each figure in `points` stretches at most."""
    with events.of(Path(run.folder)) as found:
        wanted = [name for name in found.series if (name in names if names else name not in HIDDEN)]
        return Metrics(
            run=run.id,
            status=run.status,
            step=found.step,
            steps=_last_step(found, run),
            series=[_series(found, name, after, points) for name in wanted],
            evaluations=[_point(row) for row in found.evaluations if after < 1 or row.get("step", 0) > after],
            checkpoints=_steps(found, "checkpoint", after),
            resumed=_steps(found, "resume", after),
            unreadable=found.unreadable,
        )


def _series(found: RunEvents, name: str, after: int, points: int) -> SeriesData:
    data: dict[str, Any] = found.series[name].thinned(after, points)
    return SeriesData(name=name, **data)


def _steps(found: RunEvents, kind: str, after: int) -> list[int]:
    return [row["step"] for row in found.marks if row["kind"] == kind and (row["step"] or 0) > after]


def _point(row: dict[str, Any]) -> EvaluationPoint:
    return EvaluationPoint.model_validate({name: row.get(name) for name in EvaluationPoint.model_fields})


def _last_step(found: RunEvents, run: Run) -> int | None:
    if found.end is not None and found.end.get("steps"):
        return int(found.end["steps"])
    limit = (run.recipe.get("train") or {}).get("max_steps")
    return int(limit) if limit else None
