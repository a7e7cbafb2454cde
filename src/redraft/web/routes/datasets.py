"""Datasets: list, add, look, browse, check, rename, delete."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath

from redraft.state.tables import Dataset
from redraft.web.callers import Caller
from redraft.web.datasets import browsing, changing, rows
from redraft.web.datasets.models import (
    AddDataset,
    ChangeDataset,
    CheckDataset,
    DatasetDetail,
    DatasetItem,
    DatasetPage,
    ExamplePage,
    Origin,
    Status,
)
from redraft.web.jobs.models import DATASET, JobDetail
from redraft.web.jobs.rows import one as job_detail
from redraft.web.paging import Paged
from redraft.web.refusals import Responses, refused
from redraft.web.service import Serving

router = APIRouter(prefix="/api/datasets", tags=["datasets"])

NOT_FOUND = refused(404, "There is no such dataset.")
NO_EXAMPLE = refused(404, "There is no such dataset, split, example or picture.")
NOT_READY = refused(409, "It is still being made, or its folder is gone.")
IN_USE = refused(409, "A job that has not ended needs it.")
MOST_ROWS = 2**40
PICTURE: Responses = {
    200: {"description": "The picture.", "content": {"image/png": {}, "image/jpeg": {}, "image/webp": {}}}
}
DatasetId = Annotated[
    str, InPath(pattern="^data-[0-9a-z]{26}$", description="A dataset's id.", examples=[DATASET])
]
SplitName = Annotated[str, InPath(pattern=r"^[\w.-]{1,80}$", description="A split.", examples=["train"])]
Index = Annotated[int, InPath(ge=0, le=MOST_ROWS, description="Of the example in its split, from 0.")]


@router.get("")
def list_datasets(
    service: Serving,
    caller: Caller,
    paging: Paged,
    status: Annotated[Status | None, Query()] = None,
    task: Annotated[str | None, Query(max_length=40, pattern=r"^\w+$")] = None,
    origin: Annotated[Origin | None, Query()] = None,
) -> DatasetPage:
    """Datasets, the newest first."""
    wanted = {"status": status, "task": task, "origin": origin}
    items, more = rows.page(service.database, caller, paging.after, paging.limit, **wanted)
    return DatasetPage(items=items, next=more)


@router.get("/generated")
def list_generated(service: Serving, caller: Caller, paging: Paged) -> DatasetPage:
    """Datasets that a task has drawn, the newest first."""
    items, more = rows.page(service.database, caller, paging.after, paging.limit, origin="generated")
    return DatasetPage(items=items, next=more)


@router.post("", status_code=201, responses=IN_USE)
def add_dataset(service: Serving, caller: Caller, body: AddDataset, response: Response) -> DatasetDetail:
    """Makes a dataset of redraft that was sent as a .zip one of the service's; the upload is then gone.

    Every file must have the checksum that its manifest states. Other data is imported: submit a job of the kind
    `import`. New data is drawn by a job of the kind `generate`.
    """
    id = changing.add(service.database, body.upload, body.name, caller)
    response.headers["Location"] = f"/api/datasets/{id}"
    return rows.one(service.database, id, caller)


@router.get("/{id}", responses=NOT_FOUND)
def show_dataset(service: Serving, caller: Caller, id: DatasetId) -> DatasetDetail:
    """One dataset with its card, its newest check, and the jobs that need it."""
    return rows.one(service.database, id, caller)


@router.patch("/{id}", responses=NOT_FOUND)
def rename_dataset(service: Serving, caller: Caller, id: DatasetId, body: ChangeDataset) -> DatasetDetail:
    """Gives a dataset another name."""
    return rows.rename(service.database, id, caller, body.name)


@router.delete("/{id}", responses=NOT_FOUND | IN_USE)
def delete_dataset(
    service: Serving,
    caller: Caller,
    id: DatasetId,
    files: Annotated[
        bool, Query(description="Removes its folder too, where it lies in the state folder.")
    ] = False,
) -> DatasetItem:
    """Forgets a dataset, and answers what it was. `redraft db sync` enters it again, while its folder is there."""
    return changing.remove(service.database, id, caller, files)


@router.post("/{id}/check", status_code=201, responses=NOT_FOUND | NOT_READY)
def check_dataset(
    service: Serving, caller: Caller, id: DatasetId, response: Response, body: CheckDataset | None = None
) -> JobDetail:
    """Looks at every example: a job. `GET /api/datasets/{id}` shows the newest one's result in short."""
    rows.ready(service.database, id, caller)
    payload = {"dataset": id, **(body or CheckDataset()).model_dump(exclude_none=True)}
    job = service.jobs.submit("check", payload, owner=caller)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return job_detail(service.database, job.id, caller)


@router.get("/{id}/examples", responses=NO_EXAMPLE | NOT_READY)
async def browse_examples(
    service: Serving,
    caller: Caller,
    id: DatasetId,
    split: Annotated[str | None, Query(pattern=r"^[\w.-]{1,80}$", description="Else the first.")] = None,
    start: Annotated[int, Query(ge=0, le=MOST_ROWS, description="Index of the first one.")] = 0,
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most.")] = 10,
    find: Annotated[
        str | None,
        Query(
            min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$", description="An example's id: begin there."
        ),
    ] = None,
) -> ExamplePage:
    """Examples in their order, with the addresses of their pictures."""
    row = await _ready(service, id, caller)
    return await browsing.examples(service.answers, row, split, start, limit, find)


@router.get(
    "/{id}/examples/{split}/{index}/images/{number}",
    responses=PICTURE | NO_EXAMPLE | NOT_READY,
    response_class=Response,
)
async def show_picture(
    service: Serving,
    caller: Caller,
    id: DatasetId,
    split: SplitName,
    index: Index,
    number: Annotated[int, InPath(ge=0, le=10_000, description="Of the picture in its example, from 0.")],
) -> Response:
    """A picture of an example; drawn now where the dataset keeps none."""
    row = await _ready(service, id, caller)
    content, kind = await browsing.picture(service.answers, row, split, index, number)
    return Response(content, media_type=kind, headers={"Cache-Control": "private, max-age=3600"})


async def _ready(service: Serving, id: str, caller: str) -> Dataset:
    return await asyncio.to_thread(rows.ready, service.database, id, caller)
