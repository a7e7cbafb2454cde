"""Live events as server-sent events: of one job, or of all."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from redraft.state.tables import ENDED
from redraft.web.callers import Caller
from redraft.web.jobs.rows import state_of
from redraft.web.live.frames import KINDS, Wanted, is_over, last_id
from redraft.web.live.streams import Streaming
from redraft.web.refusals import Responses, refused
from redraft.web.routes.jobs import JobId
from redraft.web.service import Serving

router = APIRouter(tags=["events"])

LATEST = 2**63 - 1
STREAM: Responses = {
    200: {
        "description": "A stream of events. `event` is the kind, `id` what to give as Last-Event-ID to go on "
        "without a gap; comments come while nothing happens.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'id: 812\nevent: progress\ndata: {"id":812,"job":"job-01k9zq3v7w3t9c5a7m2v4x8n1b",'
                '"kind":"progress","at":1795336441.2,"data":{"stage":"train","done":41,"total":126}}\n\n',
            }
        },
    }
}
OVER: Responses = {204: {"description": "The job has ended, and all was told: do not connect again."}}

After = Annotated[
    int | None, Query(ge=0, le=LATEST, description="Begin after the event of this id; 0: with the first.")
]
LastEventId = Annotated[
    int | None,
    Header(alias="Last-Event-ID", ge=0, le=LATEST, description="As browsers send it. It wins over `after`."),
]
Kinds = Annotated[
    list[str] | None, Query(max_length=len(KINDS), description=f"Of these kinds: {', '.join(KINDS)}.")
]
Follow = Annotated[bool, Query(description="false: what there is, and no more.")]


@router.get("/api/events", responses=STREAM, response_class=Response)
async def stream_events(
    service: Serving,
    streams: Streaming,
    caller: Caller,
    after: After = None,
    last_event_id: LastEventId = None,
    kind: Kinds = None,
    follow: Follow = True,
) -> Any:
    """What happens to all jobs, from now on, or from the event that is named."""
    wanted = Wanted(caller, kinds=frozenset(kind or ()))
    given = last_event_id if last_event_id is not None else after
    position = given if given is not None else await asyncio.to_thread(last_id, service.database)
    return streams.response(wanted, position, follow=follow)


@router.get(
    "/api/jobs/{id}/events",
    responses=STREAM | OVER | refused(404, "There is no such job."),
    response_class=Response,
)
async def stream_job(
    service: Serving,
    streams: Streaming,
    caller: Caller,
    id: JobId,
    after: After = None,
    last_event_id: LastEventId = None,
    kind: Kinds = None,
    follow: Follow = True,
) -> Any:
    """What happens to one job, from its beginning unless an event is named.

    Ends with the event `end` when the job has ended; connecting again after it answers 204.
    """
    wanted = Wanted(caller, job=id, kinds=frozenset(kind or ()))
    position = last_event_id if last_event_id is not None else (after or 0)
    state = await asyncio.to_thread(state_of, service.database, id, caller)
    over: str | None = None
    if last_event_id and state in ENDED:
        over = await asyncio.to_thread(is_over, service.database, wanted, position)
    if over is not None:
        return Response(status_code=204)
    return streams.response(wanted, position, follow=follow, may_be_over=state in ENDED or bool(kind))
