"""Logs: one JSON object a line on standard error, or lines for people where that is a terminal.

Every line that belongs to a request carries its id, which the caller reads in X-Request-ID. Queries and bodies
are never logged; what looks like a token, a code or a password is blotted out of whatever is, also of libraries'
lines.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.tracebacks import ExceptionDictTransformer
from ulid import ULID

from redraft.state.access.token import PREFIX
from redraft.web.problems import REQUEST_ID, problem

BLOT = "[...]"
SECRETS = (
    re.compile(rf"{PREFIX}[\w-]{{20,}}"),
    re.compile(r"(?i)(?<=bearer )[^\s\"',;]+"),
    re.compile(r"(?i)(?<=[?&]code=)[^\s\"'&;]+"),
    re.compile(r"(?<=://)([^\s/:@]+:[^\s/@]+)(?=@)"),
    re.compile(r"\b(?:hf|sk)[_-][\w-]{16,}"),
)
"""Tokens of ours and of others, codes of links, and the name and password in a URL."""
UNLOGGED = frozenset({"/api/health"})
"""Asked every few seconds by whoever watches the service: only a bad answer is worth a line."""
GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What a proxy may send as X-Request-ID to have it kept."""
TRACE = ExceptionDictTransformer(show_locals=False)
"""Where an error came from, without the values at hand there, which may be anything."""
_log = structlog.get_logger("redraft.web")


def set_up_logs(*, as_json: bool | None = None) -> None:
    """Routes our own and the server's log lines to standard error. as_json None: unless that is a terminal."""
    as_json = not sys.stderr.isatty() if as_json is None else as_json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json),
    ]
    last: list[Any] = (
        [structlog.processors.ExceptionRenderer(TRACE), blot_out, structlog.processors.JSONRenderer()]
        if as_json
        else [
            structlog.processors.format_exc_info,
            blot_out,
            short_request,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    for noisy in ("httpx", "httpx2", "httpcore", "httpcore2", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def blot_out(logger: Any, method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A processor of structlog that removes secrets from every text of a line, however deep."""
    return {key: _blotted(value) for key, value in line.items()}


def short_request(logger: Any, method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A processor of structlog that makes a request's line one for people."""
    if line.get("event") != "request":
        return line
    says = f"{line['status']} {line['method']} {line['path']}"
    return {
        "timestamp": line["timestamp"],
        "level": line["level"],
        "event": f"{says} in {line['milliseconds']} ms",
        "request_id": line["request_id"],
    }


def _blotted(value: Any) -> Any:
    if isinstance(value, str):
        for secret in SECRETS:
            value = secret.sub(BLOT, value)
        return value
    if isinstance(value, Mapping):
        return {key: _blotted(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_blotted(part) for part in value]
    return value


class RequestLog:
    """ASGI middleware, the outermost: gives each request its id, answers what nobody foresaw, writes one line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope[REQUEST_ID] = request_id = _given_id(scope) or str(ULID()).lower()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began, status, sent = time.perf_counter(), 0, 0

        async def send_with_id(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            # Whatever a route or library did not foresee: the caller gets the id alone, the log the traceback, and
            # the service goes on.
            _log.exception("unforeseen", method=scope["method"], path=scope["path"])
            if not status:
                await problem(
                    scope,
                    500,
                    "the service met an error that nobody foresaw",
                    where=request_id,
                    remedy="Look for this id in the server's log",
                )(scope, receive, send_with_id)
            else:
                raise  # the answer has begun: only a broken connection can tell the caller
        finally:
            if status != 200 or scope["path"] not in UNLOGGED:
                _log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    milliseconds=round((time.perf_counter() - began) * 1000, 1),
                    bytes=sent,
                )


def _given_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text: str = value.decode("latin-1")
            return text if GIVEN_ID.fullmatch(text) else None
    return None
