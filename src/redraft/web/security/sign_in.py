"""How a browser gets its session: by a link with a one-time code, or by the token typed into the sign-in page."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from redraft.state.access.codes import redeem_code
from redraft.state.access.sessions import cookie_name, new_session
from redraft.state.access.token import Token
from redraft.web.pages import page
from redraft.web.problems import problem
from redraft.web.security.credentials import Denied, is_token
from redraft.web.security.origins import is_foreign

PATH = "/sign-in"
EXPIRED = "The service's token has expired or is gone. Make a new one: redraft token --new"
LONGEST_FORM = 2000
"""Bytes of the sign-in form."""


async def answer(scope: Scope, receive: Receive, headers: Headers, token: Token | None) -> Response | None:
    """The answer to what opens or ends a session; None: the request is about something else."""
    method, path = scope["method"], scope["path"]
    if method == "GET" and path == "/" and scope["query_string"].startswith(b"code="):
        code = parse_qs(scope["query_string"].decode("latin-1")).get("code", [""])[0]
        if token is None or token.has_expired:
            return sign_in_page(scope, headers, EXPIRED)
        if await run_in_threadpool(redeem_code, code):
            return _opened(scope, token)
        return sign_in_page(scope, headers, "This link has been used, or is too old.")
    if path != PATH:
        return None
    if method != "POST":
        return sign_in_page(scope, headers, "", status=200) if method == "GET" else None
    if is_foreign(method, headers, by_cookie=True):
        return problem(scope, 403, "the request comes from a page of another site")
    given = await _typed(scope, receive)
    if token is None or not is_token(given, token):
        return sign_in_page(scope, headers, "This is not the token of this service.")
    if token.has_expired:
        return sign_in_page(scope, headers, EXPIRED)
    return _opened(scope, token)


def denied(scope: Scope, headers: Headers, verdict: Denied) -> Response:
    """401: a page for a person who opens one, a problem for everything else."""
    if scope["method"] == "GET" and "text/html" in headers.get("accept", "") and not _is_api(scope["path"]):
        return sign_in_page(scope, headers, "")
    return problem(
        scope, 401, verdict.what, remedy=verdict.remedy, headers={"WWW-Authenticate": 'Bearer realm="redraft"'}
    )


def sign_in_page(scope: Scope, headers: Headers, finding: str, *, status: int = 401) -> Response:
    """Says how to get in. After a link from another site the browser withholds its cookie: it is asked to try
    again from our own page, once."""
    again = headers.get("sec-fetch-site") in ("cross-site", "same-site") and scope["query_string"][:5] != b"code="
    body = page("Sign in", "sign_in.html", finding=finding, again=again)
    found = HTMLResponse(body, status)
    if status == 401:
        found.headers["WWW-Authenticate"] = 'Bearer realm="redraft"'
    return found


def _opened(scope: Scope, token: Token) -> Response:
    value, seconds = new_session(token)
    found = RedirectResponse("/", 303)
    found.set_cookie(
        cookie_name(token),
        value,
        max_age=seconds,
        httponly=True,
        samesite="strict",
        secure=scope.get("scheme") == "https",
    )
    return found


async def _typed(scope: Scope, receive: Receive) -> str:
    body = b""
    async for part in Request(scope, receive).stream():
        body += part
        if len(body) > LONGEST_FORM:
            return ""
    return parse_qs(body.decode("latin-1")).get("token", [""])[0].strip()


def _is_api(path: str) -> bool:
    return path.startswith(("/api/", "/v1/"))
