"""Errors as answers: problem details (RFC 9457), and in the form that OpenAI's clients read below /v1.

What a caller reads is what, where and the remedy of core/errors.py. Nothing of the request's values is repeated,
and an error nobody foresaw says its request's id alone: its traceback stands in the log.
"""

from __future__ import annotations

import errno
import http
import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from redraft.core.atomic import output_error
from redraft.core.errors import (
    Busy,
    Conflict,
    DeviceLost,
    Interrupted,
    LeaseLost,
    NotFound,
    OutputError,
    RedraftError,
    StateError,
    UsageError,
    WorkerLost,
)
from redraft.web.shown import shown

REQUEST_ID = "redraft.request_id"
"""Where the request's id stands in its scope."""
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""A disk that takes no more, or nothing here."""
RETRY_AFTER = 2
"""Seconds after which a caller may try again what was not possible for now."""
STATUSES: tuple[tuple[type[RedraftError], int], ...] = (
    (NotFound, 404),
    (UsageError, 422),
    (Conflict, 409),
    (LeaseLost, 409),
    (StateError, 503),
    (Busy, 503),
    (OutputError, 507),
    (DeviceLost, 503),
    (WorkerLost, 503),
    (Interrupted, 503),
    (RedraftError, 422),
)
"""The first kind that fits decides."""


PLAIN = {
    400: ("the request cannot be read", "Send it as the API's description at /docs says"),
    404: ("there is nothing at this path", "The API is described at /docs"),
    405: ("this path does not take this method", "The header Allow names those it takes"),
    413: ("the body is larger than this operation reads", "Send less; large files go to POST /api/uploads"),
}
"""What the framework itself refuses, and what to do."""


class Problem(BaseModel):
    """What went wrong, as `application/problem+json` (RFC 9457)."""

    type: str = Field(
        "about:blank", description="The kind of problem: `about:blank` says no more than the status."
    )
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, in one sentence.")
    instance: str = Field(description="The path that was asked for.")
    where: str = Field("", description="The part of the request, the id or the file that it is about.")
    remedy: str = Field("", description="What to do.")
    request_id: str = Field("", description="Stands in the server's log, and in the header X-Request-ID.")
    errors: list[dict[str, str]] | None = Field(
        None, description="Each wrong value: where it stands, and what is wrong."
    )


def problem(
    scope: Scope, status: int, detail: str, *, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """The answer to a request that cannot be met. `more`: where, remedy, errors."""
    try:
        title = http.HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    found = Problem(
        title=title,
        status=status,
        detail=detail,
        instance=scope["path"],
        request_id=scope.get(REQUEST_ID, ""),
        **more,
    )
    if status == 503:
        headers = {"Retry-After": str(RETRY_AFTER), **(headers or {})}
    if scope["path"].startswith("/v1/"):
        return Response(_for_openai(found), status, headers, "application/json")
    return Response(found.model_dump_json(exclude_none=True), status, headers, "application/problem+json")


def of_error(scope: Scope, error: RedraftError) -> Response:
    """The answer for an error of ours."""
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    return problem(scope, status, shown(error.what), where=shown(error.where), remedy=shown(error.remedy))


def add_handlers(app: FastAPI) -> None:
    """Makes every error of a route a problem."""

    @app.exception_handler(RedraftError)
    async def redraft_error(request: Request, error: RedraftError) -> Response:
        return of_error(request.scope, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        errors = [
            {"where": ".".join(str(part) for part in found["loc"]), "what": found["msg"]}
            for found in error.errors()
        ]
        first = errors[0] if errors else {"where": "", "what": "the request is not valid"}
        return problem(
            request.scope,
            422,
            first["what"],
            where=first["where"],
            remedy="Correct the request; the API is described at /docs",
            errors=errors,
        )

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        what, remedy = PLAIN.get(error.status_code, ("", ""))
        if not what or error.detail not in (http.HTTPStatus(error.status_code).phrase, "Content Too Large"):
            what = str(error.detail)
        return problem(request.scope, error.status_code, what, remedy=remedy, headers=headers)

    @app.exception_handler(OSError)
    async def disk_error(request: Request, error: OSError) -> Response:
        if error.errno not in DISK_ERRORS:
            raise error
        return of_error(request.scope, output_error(error.filename or "", error))


def _for_openai(found: Problem) -> str:
    kind = "invalid_request_error" if found.status < 500 else "server_error"
    message = f"{found.detail}. {found.remedy}".strip(" .") + "."
    return json.dumps({"error": {"message": message, "type": kind, "param": found.where or None, "code": None}})
