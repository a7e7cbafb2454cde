"""Which bodies are read at all: JSON, or files where a route takes files.

Plain text and forms are not, which a page of any site may send without asking. How long a body may be, each route
says (`max_body_size`).
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from redraft.web.problems import problem
from redraft.web.security.origins import SAFE

REFUSED = ("", "text/plain", "application/x-www-form-urlencoded")


class Bodies:
    """ASGI middleware behind the guard."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE:
            headers = Headers(scope=scope)
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind in REFUSED and _has_body(headers):
                answer = problem(
                    scope,
                    415,
                    f"a body of the type '{kind}' is not read" if kind else "the body has no Content-Type",
                    where="Content-Type",
                    remedy="Send JSON as application/json, or a file as the operation's description says",
                )
                answer.headers["Connection"] = "close"
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
