"""Requests straight to an ASGI application: nothing tidies a path or adds a header; a thousand take a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

HOST = "127.0.0.1:7001"
LONGEST = 60.0
"""Seconds for one answer; generous, since many tests share the machine."""


@dataclass(frozen=True)
class Ask:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


def ask_all(app: ASGIApp, asks: Iterable[Ask]) -> Iterator[tuple[Ask, Answer]]:
    """Each request and its answer. An answer that does not end counts with what it sent so far."""
    wanted = list(asks)
    return iter(zip(wanted, asyncio.run(_all(app, wanted)), strict=True))


async def _all(app: ASGIApp, asks: list[Ask]) -> list[Answer]:
    return [await _one(app, ask) for ask in asks]


async def _one(app: ASGIApp, ask: Ask) -> Answer:
    path, _, query = ask.path.partition("?")
    headers = {"Host": HOST, **ask.headers}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": ask.method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "server": ("127.0.0.1", 7001),
        "client": ("127.0.0.1", 50000),
    }
    messages: list[Message] = []
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.sleep(3600)
        asked = True
        return {"type": "http.request", "body": ask.body, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(app(scope, receive, send), LONGEST)
    return Answer(
        messages[0]["status"],
        {name.decode(): value.decode("latin-1") for name, value in messages[0]["headers"]},
        b"".join(message.get("body", b"") for message in messages[1:]).decode(errors="replace"),
    )
