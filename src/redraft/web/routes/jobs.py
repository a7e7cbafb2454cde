"""Jobs: submit, list, look, pause, resume, cancel, delete, logs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from redraft.queue.jobs.changing import change
from redraft.queue.keeping.logs import tail as last_output
from redraft.queue.kinds import KINDS, find_kind
from redraft.state.tables import Desired, State
from redraft.web.answers import Json
from redraft.web.callers import Caller
from redraft.web.jobs.models import (
    ChangeJob,
    JobDetail,
    JobPage,
    KindItem,
    LogPage,
    Submission,
)
from redraft.web.jobs.rows import Filter, counts, log_lines, one, page, state_of
from redraft.web.paging import Paged
from redraft.web.refusals import Responses, refused
from redraft.web.service import Serving
from redraft.web.shown import shown

NOT_FOUND = refused(404, "There is no such job.")
CONFLICT = refused(409, "The job's state does not allow it; `detail` says which it is in.")
KEY = refused(409, "The key was given with another request, or an input is not there and will not be.")
GOING: Responses = {202: {"model": JobDetail, "description": "It runs: it is ended first, then removed."}}
JobId = Annotated[
    str, Path(pattern="^job-[0-9a-z]{26}$", description="A job's id.", examples=["job-01k9zq3v7w3t9c5a7m2v4x8n1b"])
]

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get("", response_model=JobPage)
def list_jobs(
    service: Serving,
    caller: Caller,
    paging: Paged,
    state: Annotated[list[State] | None, Query(description="In one of these states.")] = None,
    kind: Annotated[list[str] | None, Query(description="Of one of these kinds.", max_length=20)] = None,
) -> Response:
    """Jobs, the newest first."""
    rows, more = page(service.database, Filter(caller, state or (), kind or ()), paging.after, paging.limit)
    return Json(JobPage.model_validate({"items": rows, "next": more}))


@router.post("", status_code=201, responses=KEY)
def submit_job(
    service: Serving,
    caller: Caller,
    body: Submission,
    response: Response,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            description="The same key and request again give the same job again, and start nothing.",
        ),
    ] = None,
) -> JobDetail:
    """Puts work into the queue. It is durable once this answers."""
    find_kind(body.kind).read(body.payload, local=False)
    job = service.jobs.submit(
        body.kind,
        body.payload,
        title=body.title,
        priority=body.priority,
        needs=body.needs,
        key=key,
        owner=caller,
        executor=body.executor,
    )
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return one(service.database, job.id, caller)


@router.get("/counts")
def count_jobs(service: Serving, caller: Caller) -> dict[State, int]:
    """How many jobs there are in each state."""
    found = counts(service.database, caller)
    return {state: found.get(state, 0) for state in State}


@router.get("/kinds")
def list_kinds() -> list[KindItem]:
    """The kinds of job, and what each takes."""
    return [
        KindItem(name=name, title=kind.title, resource=kind.resource, payload=kind.payload.model_json_schema())
        for name, kind in KINDS.items()
    ]


@router.get("/{id}", response_model=JobDetail, responses=NOT_FOUND)
def show_job(service: Serving, caller: Caller, id: JobId) -> Response:
    """One job with all that is known of it."""
    return Json(one(service.database, id, caller))


@router.patch("/{id}", responses=NOT_FOUND)
def change_job(service: Serving, caller: Caller, id: JobId, body: ChangeJob) -> JobDetail:
    """Changes how urgent a job is, or its title. A running job is not stopped for a more urgent one: pause it."""
    state_of(service.database, id, caller)
    change(service.database, id, priority=body.priority, title=body.title)
    return one(service.database, id, caller)


@router.post("/{id}/pause", responses=NOT_FOUND | CONFLICT)
def pause_job(service: Serving, caller: Caller, id: JobId) -> JobDetail:
    """Saves at the next step, and frees the device. Answers at once; `state` tells when it is done."""
    state_of(service.database, id, caller)
    service.jobs.pause(id)
    return one(service.database, id, caller)


@router.post("/{id}/resume", responses=NOT_FOUND | CONFLICT)
def resume_job(service: Serving, caller: Caller, id: JobId) -> JobDetail:
    """Goes on from the last checkpoint. A failed or cancelled job is tried again."""
    state_of(service.database, id, caller)
    service.jobs.resume(id)
    return one(service.database, id, caller)


@router.post("/{id}/cancel", responses=NOT_FOUND | CONFLICT)
def cancel_job(service: Serving, caller: Caller, id: JobId) -> JobDetail:
    """Ends the job and keeps what it has made."""
    state_of(service.database, id, caller)
    service.jobs.cancel(id)
    return one(service.database, id, caller)


@router.delete("/{id}", responses=NOT_FOUND | CONFLICT | GOING)
def delete_job(
    service: Serving,
    caller: Caller,
    id: JobId,
    response: Response,
    files: Annotated[bool, Query(description="Removes what it made too.")] = False,
) -> JobDetail:
    """Removes a job; the answer is the job as it was last."""
    before = one(service.database, id, caller)
    job = service.jobs.delete(id, files=files)
    if job.state == State.RUNNING:
        response.status_code = 202
    return before.model_copy(update={"state": State(job.state), "desired_state": Desired(job.desired_state)})


@router.get("/{id}/logs", response_model=LogPage, responses=NOT_FOUND)
def show_logs(
    service: Serving,
    caller: Caller,
    id: JobId,
    after: Annotated[int, Query(ge=0, lt=2**63, description="`next` of the part before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Lines at most.")] = 200,
    tail: Annotated[bool, Query(description="The last lines instead of the first.")] = False,
    output: Annotated[
        int, Query(ge=0, le=1000, description="Also so many of the last lines its processes printed.")
    ] = 0,
) -> Response:
    """What a job said, the oldest first."""
    state_of(service.database, id, caller)
    lines, more = log_lines(service.database, id, after, limit, tail)
    printed = [shown(line) for line in last_output(id, output)] if output else []
    last = lines[-1]["id"] if lines else after
    return Json(LogPage.model_validate({"items": lines, "next": last, "more": more, "output": printed}))
