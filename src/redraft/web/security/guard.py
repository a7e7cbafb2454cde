"""The guard: the one way in. It lets a request through to the routes, or answers it itself.

Public, without a token: the health, the OpenAPI document and its page, the static files. All else needs one, also
what does not exist: whoever has no token does not learn which routes there are.
"""

from __future__ import annotations

from collections import Counter

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from redraft.core.errors import RedraftError
from redraft.state.access.token import TokenFile
from redraft.web.callers import OWNER, SCOPE_KEY
from redraft.web.problems import of_error, problem
from redraft.web.security import credentials, sign_in
from redraft.web.security.hosts import Hosts
from redraft.web.security.origins import SAFE, is_foreign
from redraft.web.settings import Settings

PUBLIC = frozenset({"/api/health", "/openapi.json", "/docs"})
PUBLIC_FOLDER = "/static/"
ONLY_ONCE = ("host", "authorization", "origin", "sec-fetch-site", "content-length")
"""Headers that would mean two things if they came twice."""


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings, tokens: TokenFile) -> None:
        self.app = app
        self._hosts = Hosts(settings)
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] == "websocket":  # there is none, and none may be added unguarded
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            answer = await self._judge(scope, receive)
        except RedraftError as error:
            answer = of_error(scope, error)
        await (answer or self.app)(scope, receive, send)

    async def _judge(self, scope: Scope, receive: Receive) -> Response | None:
        """The answer where the request may not pass; None: it may, and its scope names its caller."""
        headers = Headers(scope=scope)
        counted = Counter(name for name, _ in headers.items())
        if any(counted[name] > 1 for name in ONLY_ONCE):
            return problem(scope, 400, "a header was sent twice that may stand once")
        if not self._hosts.allows(headers.get("host", "")):
            return problem(
                scope,
                421,
                "the service is not known by this name",
                where="Host",
                remedy="Call it by its address, or start it with --allow-host NAME",
            )
        if is_public(scope):
            return None
        token = self._tokens.current()
        signed_in = await sign_in.answer(scope, receive, headers, token)
        if signed_in is not None:
            return signed_in
        verdict = credentials.check(headers, token)
        if isinstance(verdict, credentials.Denied):
            return sign_in.denied(scope, headers, verdict)
        if is_foreign(scope["method"], headers, by_cookie=verdict.by_cookie):
            return problem(
                scope,
                403,
                "the request comes from a page of another site",
                remedy="Send it from the service's own page",
            )
        scope[SCOPE_KEY] = OWNER
        return None


def is_public(scope: Scope) -> bool:
    """Whether anybody may ask for it."""
    path: str = scope["path"]
    return scope["method"] in SAFE and (path in PUBLIC or path.startswith(PUBLIC_FOLDER))
