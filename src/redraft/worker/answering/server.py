"""The HTTP side of the answering process: verbs as JSON lines, and what it is and holds."""

from __future__ import annotations

import asyncio
import os
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import redraft
from redraft.worker.answering.idle import Idle
from redraft.worker.answering.verbs import run_verb

MAX_WAITING = 64
"""Requests under way at once; one more is told to come again."""


class Service:
    """The routes and what they share."""

    def __init__(self) -> None:
        self.idle = Idle()
        self.server: uvicorn.Server | None = None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/end", self.end, methods=["POST"]),
                Route("/verbs/{verb}", self.verb, methods=["POST"]),
            ]
        )

    async def health(self, request: Request) -> Response:
        return JSONResponse({"pid": os.getpid(), "version": redraft.__version__, "busy": self.idle.busy})

    async def end(self, request: Request) -> Response:
        """Ends the process in order, after what is under way."""
        assert self.server is not None
        self.server.should_exit = True
        return JSONResponse({"ending": True})

    async def verb(self, request: Request) -> Response:
        data = await request.json()
        lines = run_verb(request.path_params["verb"], data["request"], self.idle)
        return StreamingResponse(lines, media_type="application/x-ndjson")


def serve(listening: socket.socket) -> None:
    """Answers on the socket until the process is told to end, or idle for long."""
    service = Service()
    config = uvicorn.Config(
        service.app(), lifespan="off", access_log=False, log_level="warning", timeout_graceful_shutdown=10
    )
    service.server = uvicorn.Server(config)

    async def both() -> None:
        assert service.server is not None
        watching = asyncio.create_task(service.idle.watch(service.server))
        await service.server.serve(sockets=[listening])
        watching.cancel()

    asyncio.run(both())
