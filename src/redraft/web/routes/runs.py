"""Runs: list, look, metrics, samples, comparison, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath

from redraft.core.errors import NotFound, UsageError
from redraft.web.answers import Json
from redraft.web.callers import Caller
from redraft.web.jobs.models import RUN
from redraft.web.paging import Paged
from redraft.web.refusals import Responses, refused
from redraft.web.runs import compare as run_compare
from redraft.web.runs import rows as run_rows
from redraft.web.runs import samples as run_samples
from redraft.web.runs.events import RunsEvents
from redraft.web.runs.metrics import metrics
from redraft.web.runs.models import Metrics, RunDetail, RunPage
from redraft.web.runs.sample_models import SampleSet, SetItem
from redraft.web.service import Serving
from redraft.web.shown import shown

router = APIRouter(prefix="/api/runs", tags=["runs"])
EVENTS = RunsEvents()

REPORT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""A report holds its own style and pictures. No script runs in it, and it can reach nothing."""
COMPARED = 10
"""Runs side by side at most."""
NOT_FOUND = refused(404, "There is no such run.")
PICTURE: Responses = {200: {"description": "The picture.", "content": {"image/png": {}, "image/jpeg": {}}}}
HTML: Responses = {
    200: {"description": "One file that loads nothing from elsewhere.", "content": {"text/html": {}}}
}

RunId = Annotated[str, InPath(pattern="^run-[0-9a-z]{26}$", description="A run's id.", examples=[RUN])]
SetId = Annotated[str, InPath(pattern=run_samples.ID, description="A set's id.", examples=["step-126"])]
Points = Annotated[int, Query(ge=1, le=5000, description="Points of each curve at most.")]
Names = Annotated[
    list[str] | None, Query(max_length=20, description="Figures, such as loss; else all that say something.")
]


@router.get("", response_model=RunPage)
def list_runs(
    service: Serving,
    caller: Caller,
    paging: Paged,
    status: Annotated[Literal["new", "running", "paused", "finished", "failed", "missing"] | None, Query()] = None,
    task: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """Runs, the newest first."""
    items, more = run_rows.page(service.database, caller, paging.after, paging.limit, status=status, task=task)
    return Json(RunPage(items=items, next=more))


@router.get("/compare", responses=NOT_FOUND)
def compare_runs(
    service: Serving,
    caller: Caller,
    run: Annotated[
        list[Annotated[str, Query(pattern="^run-[0-9a-z]{26}$")]],
        Query(min_length=1, max_length=COMPARED, description="Ids of the runs."),
    ],
    points: Points = 300,
    name: Names = None,
) -> run_compare.Comparison:
    """Several runs side by side: the settings that differ, curves, scores."""
    if len(set(run)) < len(run):
        raise UsageError("a run is named twice", where="run", remedy="Name each run once")
    return run_compare.compare(service.database, EVENTS, run, caller, points, name or ["loss", "learning_rate"])


@router.get("/{id}", responses=NOT_FOUND)
def show_run(service: Serving, caller: Caller, id: RunId) -> RunDetail:
    """One run with its recipe, checkpoints and evaluations."""
    return run_rows.one(service.database, id, caller)


@router.get("/{id}/metrics", response_model=Metrics, responses=NOT_FOUND)
def show_metrics(
    service: Serving,
    caller: Caller,
    id: RunId,
    points: Points = 1000,
    after: Annotated[
        int, Query(ge=-1, lt=2**53, description="What follows this step alone: `step` of before.")
    ] = -1,
    name: Names = None,
) -> Response:
    """The curves of a run, thinned; during training, what is new since the last question."""
    run = run_rows.find(service.database, id, caller)
    return Json(metrics(EVENTS, run, after=after, points=points, names=name))


@router.get("/{id}/samples", responses=NOT_FOUND)
def list_samples(service: Serving, caller: Caller, id: RunId) -> list[SetItem]:
    """The evaluations of a run whose samples were kept."""
    return run_samples.sets(Path(run_rows.find(service.database, id, caller).folder))


@router.get("/{id}/samples/{set_id}", responses=NOT_FOUND)
def show_samples(service: Serving, caller: Caller, id: RunId, set_id: SetId) -> SampleSet:
    """What was shown and answered in one evaluation, from the best answer to the worst."""
    return run_samples.one(Path(run_rows.find(service.database, id, caller).folder), set_id)


@router.get("/{id}/samples/{set_id}/images/{picture}", responses=PICTURE | NOT_FOUND, response_class=Response)
def show_picture(
    service: Serving,
    caller: Caller,
    id: RunId,
    set_id: SetId,
    picture: Annotated[str, InPath(pattern=run_samples.PICTURE_ID, examples=["1-shown-1"])],
) -> Response:
    """A picture of a sample."""
    run = run_rows.find(service.database, id, caller)
    content, kind = run_samples.picture(Path(run.folder), set_id, picture)
    return Response(content, media_type=kind, headers={"Cache-Control": "private, max-age=300"})


@router.get("/{id}/report.html", responses=HTML | NOT_FOUND, response_class=Response)
def show_report(service: Serving, caller: Caller, id: RunId) -> Response:
    """The report of a run: one page without script."""
    run = run_rows.find(service.database, id, caller)
    try:
        text = (Path(run.folder) / run_rows.REPORT).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(
            "this run has no report yet", where=id, remedy="It is written at the first evaluation"
        ) from None
    return Response(
        shown(text), media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": REPORT_POLICY}
    )
