"""Models: list, look, fetch from the hub, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from redraft.core.errors import Conflict
from redraft.web import model_rows
from redraft.web.callers import Caller
from redraft.web.jobs.models import JobDetail
from redraft.web.jobs.rows import one as job_detail
from redraft.web.model_items import MODEL, Kind, ModelItem, ModelPage, PullModel, Status
from redraft.web.paging import Paged
from redraft.web.refusals import refused
from redraft.web.service import Serving

router = APIRouter(prefix="/api/models", tags=["models"])

NOT_FOUND = refused(404, "There is no such model.")
CONFLICT = refused(409, "A job needs it, or it is not the service's to remove.")
ModelId = Annotated[str, Path(pattern=r"^model-[0-9a-z.-]{1,34}$", description="A model's id.", examples=[MODEL])]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key and request again give the same job again, and start nothing.",
    ),
]


@router.get("")
def list_models(
    service: Serving,
    caller: Caller,
    paging: Paged,
    kind: Annotated[Kind | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
    family: Annotated[str | None, Query(max_length=60, pattern=r"^[\w .-]+$")] = None,
) -> ModelPage:
    """The catalogue of base models, and what was fetched and made here, by their ids."""
    wanted = {"kind": kind, "status": status, "family": family}
    items, more = model_rows.page(service.database, caller, paging.after, paging.limit, **wanted)
    return ModelPage(items=items, next=more)


@router.post("/pull", status_code=201, responses=refused(409, "The key was given with another request."))
def pull_model(
    service: Serving, caller: Caller, body: PullModel, response: Response, key: Key = None
) -> JobDetail:
    """Fetches any model of the hub: a job. It is resumed, checked, and pinned to its commit; safetensors alone,
    and no code of it is ever run. `GET /api/models` shows how far it is."""
    return _pull(service, caller, body, response, key)


@router.get("/{id}", responses=NOT_FOUND)
def show_model(service: Serving, caller: Caller, id: ModelId) -> ModelItem:
    """One model; while it is fetched, how far that is."""
    return model_rows.one(service.database, id, caller)


@router.post("/{id}/pull", status_code=201, responses=NOT_FOUND | CONFLICT)
def pull_known_model(
    service: Serving, caller: Caller, id: ModelId, response: Response, key: Key = None
) -> JobDetail:
    """Fetches a model of the catalogue: a job."""
    found = model_rows.one(service.database, id, caller)
    if not found.name.startswith("hf:"):
        raise Conflict("this model does not come from a hub", where=id, remedy="It is here already")
    return _pull(service, caller, PullModel(repo=found.name.removeprefix("hf:")), response, key)


@router.delete("/{id}", responses=NOT_FOUND | CONFLICT)
def delete_model(
    service: Serving,
    caller: Caller,
    id: ModelId,
    files: Annotated[bool, Query(description="Removes its folder too.")] = False,
) -> ModelItem:
    """Forgets a model that was made or imported here, and answers what it was."""
    return model_rows.remove(service.database, id, caller, files)


def _pull(service: Serving, caller: str, body: PullModel, response: Response, key: str | None) -> JobDetail:
    job = service.jobs.submit("pull", body.payload(), key=key, owner=caller)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return job_detail(service.database, job.id, caller)
