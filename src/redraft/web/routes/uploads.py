"""Uploads: send a file, list, look, delete."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.requests import ClientDisconnect

from redraft.core.errors import UsageError
from redraft.web.callers import Caller
from redraft.web.paging import Paged
from redraft.web.problems import problem
from redraft.web.refusals import refused
from redraft.web.service import Serving
from redraft.web.uploads import rows
from redraft.web.uploads.formats import KINDS
from redraft.web.uploads.models import EXAMPLE, UploadDetail, UploadItem, UploadPage
from redraft.web.uploads.multipart import WRONG, FormFile
from redraft.web.uploads.names import plain_name
from redraft.web.uploads.receiving import Received, receive
from redraft.web.uploads.refusing import TooLarge

router = APIRouter(prefix="/api/uploads", tags=["uploads"])

NOT_FOUND = refused(404, "There is no such upload.")
NO_LIMIT = 2**62
"""The route counts by itself, so that its answer says what to do."""
FORM = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
BODY = {
    "required": True,
    "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {"schema": FORM},
    },
}
UploadId = Annotated[str, Path(pattern="^upload-[0-9a-z]{26}$", description="An upload's id.", examples=[EXAMPLE])]
_arriving: Counter[int] = Counter()
"""Bytes that are being received now, by the request: they count as taken."""


@router.get("")
def list_uploads(service: Serving, caller: Caller, paging: Paged) -> UploadPage:
    """Uploads, the newest first."""
    items, more = rows.page(service.database, caller, paging.after, paging.limit)
    return UploadPage(items=items, next=more)


@router.post(
    "",
    status_code=201,
    response_model=UploadDetail,
    responses=refused(413, "It is larger than is taken, or your uploads take all they may.")
    | refused(507, "The disk is full."),
    openapi_extra={"requestBody": BODY},
    max_body_size=NO_LIMIT,
    description=f"""Takes a file in; `POST /api/jobs` with the kind `import` makes a dataset of it.

Send the file itself as the body and its name as `name`, or a form with the field `file`. Taken are
{", ".join(KINDS)}. A `.zip` is unpacked: plain files without links, each name once, counted while it inflates.
Nothing is kept of what is refused. Uploads stay until they are deleted.""",
)
async def send_file(
    service: Serving,
    caller: Caller,
    request: Request,
    response: Response,
    name: Annotated[
        str | None,
        Query(description="The file's name, where the body is the file itself.", examples=["plates.zip"]),
    ] = None,
) -> UploadDetail | Response:
    try:
        received = await _receive(service, caller, request, name)
        quota = service.settings.upload_quota
        made = await asyncio.to_thread(rows.enter, service.database, received, caller, quota)
    except TooLarge as error:
        return problem(request.scope, 413, error.what, where=error.where, remedy=error.remedy)
    except ClientDisconnect:
        return problem(request.scope, 400, "the connection ended in the middle of the file")
    response.headers["Location"] = f"/api/uploads/{made.id}"
    return made


@router.get("/{id}", responses=NOT_FOUND)
def show_upload(service: Serving, caller: Caller, id: UploadId) -> UploadDetail:
    """One upload, with what it holds."""
    return rows.one(service.database, id, caller)


@router.delete("/{id}", responses=NOT_FOUND | refused(409, "A job that has not ended needs it."))
def delete_upload(service: Serving, caller: Caller, id: UploadId) -> UploadItem:
    """Removes an upload with its files."""
    return rows.remove(service.database, id, caller)


async def _receive(service: Serving, caller: str, request: Request, name: str | None) -> Received:
    kind = request.headers.get("content-type", "")
    body: AsyncIterator[bytes] = request.stream()
    if kind.partition(";")[0].strip().lower() == "multipart/form-data":
        form = FormFile(kind, body)
        body = form.pieces()
        first = await anext(body, b"")
        body, name = _after(first, body), name or form.name
    if not name:
        raise UsageError("the file has no name", where="name", remedy=WRONG)
    name = plain_name(name)
    expected = int(request.headers.get("content-length", "0"))
    settings = service.settings
    room = await asyncio.to_thread(
        rows.room,
        service.database,
        caller,
        settings.upload_limit,
        settings.upload_quota,
        _arriving.total(),
    )
    _arriving[id(request)] = expected
    try:
        return await receive(body, name, expected, room)
    finally:
        del _arriving[id(request)]


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
