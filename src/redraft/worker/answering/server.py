"""The HTTP side of the answering process: verbs as JSON lines, chat completions in OpenAI's form.

A model's folder comes in the header `redraft-place`, since the name in the request is the caller's own.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from urllib.parse import unquote

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import redraft
from redraft.core.chat import ChatBody
from redraft.core.errors import Busy, InputError, RedraftError
from redraft.core.gone import while_wanted
from redraft.worker.answering.chat import run_chat
from redraft.worker.answering.openai_form import Bug, Form, error_body, error_of
from redraft.worker.answering.stock import Stock
from redraft.worker.answering.verbs import run_verb

PLACE = "redraft-place"
Events = AsyncGenerator[dict[str, Any], None]


class Service:
    """The routes and what they share."""

    def __init__(self) -> None:
        self.stock = Stock()
        self.server: uvicorn.Server | None = None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/end", self.end, methods=["POST"]),
                Route("/verbs/{verb}", self.verb, methods=["POST"]),
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
            ],
            exception_handlers={RedraftError: failed},
        )

    async def health(self, request: Request) -> Response:
        stock = self.stock
        return JSONResponse(
            {
                "pid": os.getpid(),
                "version": redraft.__version__,
                "busy": stock.idle.busy,
                **stock.facts(),
            }
        )

    async def end(self, request: Request) -> Response:
        """Ends the process in order, after what is under way."""
        assert self.server is not None
        self.server.should_exit = True
        return JSONResponse({"ending": True})

    async def verb(self, request: Request) -> Response:
        self.stock.check_room()
        data = await request.json()
        lines = run_verb(request.path_params["verb"], data["request"], self.stock)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    async def chat(self, request: Request) -> Response:
        self.stock.check_room()
        try:
            body = ChatBody.model_validate_json(await request.body())
        except ValidationError as error:
            wrong = error.errors()[0]
            where = ".".join(str(part) for part in wrong["loc"])
            raise InputError(wrong["msg"], where=where, remedy="Correct the request") from None
        place = unquote(request.headers.get(PLACE, "")) or body.model
        events = run_chat(body, place, self.stock)
        form = Form(body)
        if not body.stream:
            async with aclosing(events), while_wanted(request.receive):
                found = [_sound(event) async for event in events]
            return JSONResponse(form.whole(found))
        try:
            async with while_wanted(request.receive):
                first = _sound(await anext(events))  # what is wrong from the start is no stream, but an error
        except BaseException:
            await events.aclose()
            raise
        return StreamingResponse(form.stream(_again(first, events)), media_type="text/event-stream")


def _sound(event: dict[str, Any]) -> dict[str, Any]:
    if event["event"] == "error":
        raise error_of(event)
    return event


async def _again(first: dict[str, Any], events: Events) -> Events:
    async with aclosing(events):
        yield first
        async for event in events:
            yield event


async def failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RedraftError)
    status = 500 if isinstance(error, Bug) else 503 if isinstance(error, Busy) else 422
    return JSONResponse(error_body(error), status)


def serve(listening: socket.socket) -> None:
    """Answers on the socket until the process is told to end, or idle for long."""
    service = Service()
    config = uvicorn.Config(
        service.app(), lifespan="off", access_log=False, log_level="warning", timeout_graceful_shutdown=10
    )
    service.server = uvicorn.Server(config)

    async def both() -> None:
        assert service.server is not None
        watching = asyncio.create_task(service.stock.idle.watch(service.server))
        await service.server.serve(sockets=[listening])
        watching.cancel()

    asyncio.run(both())
