"""What a browser opens: the first page, the description of the API, and the end of a session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from redraft.state.access.sessions import cookie_name
from redraft.state.access.token import read_token
from redraft.web.callers import caller
from redraft.web.description.page import docs_page
from redraft.web.pages import page
from redraft.web.service import Serving

router = APIRouter(include_in_schema=False)
SHOWN_JOBS = 10


@router.get("/")
def first(service: Serving, owner: Annotated[str, Depends(caller)]) -> HTMLResponse:
    jobs = service.jobs.page(owner=owner, limit=SHOWN_JOBS)
    return HTMLResponse(page("Service", "first.html", jobs=jobs.items))


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    document = request.app.openapi()
    drawn = getattr(request.app.state, "docs", None)
    if drawn is None or drawn[0] is not document:  # anybody may ask at any rate
        drawn = request.app.state.docs = (document, docs_page(document))
    return HTMLResponse(drawn[1], headers={"Cache-Control": "no-cache"})


@router.post("/sign-out")
def sign_out(owner: Annotated[str, Depends(caller)]) -> RedirectResponse:
    """Takes the session from this browser."""
    answer = RedirectResponse("/sign-in", 303)
    token = read_token()
    if token is not None:
        answer.delete_cookie(cookie_name(token), httponly=True, samesite="strict")
    return answer
