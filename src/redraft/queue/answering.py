"""Answers of models for the light side: asked over a local socket, in a process that keeps them loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from redraft.core.answers import OnEvent
from redraft.core.errors import WorkerLost, from_data
from redraft.core.verb import Result
from redraft.queue.answering_process import AnsweringProcess

LOST = "the process that answers was lost in the middle of this answer"
AGAIN = "Ask again: another one is started for the next request"


class Answering:
    """Implements `core.answers.Answers`. Use it from one event loop."""

    def __init__(self) -> None:
        self._process = AnsweringProcess()

    async def ask(self, verb: str, request: Mapping[str, Any], *, on_event: OnEvent | None = None) -> Result:
        """As `Answers.ask`."""
        client = await self._process.ready()
        try:
            async with client.stream("POST", f"/verbs/{verb}", json={"request": dict(request)}) as answer:
                async for line in answer.aiter_lines():
                    event = json.loads(line)
                    if event["event"] == "result":
                        return Result(event["value"], event["exit_code"])
                    if event["event"] == "error":
                        raise from_data(event["error"])
                    if on_event is not None:
                        on_event(event)
        except httpx2.TransportError:
            pass
        raise WorkerLost(LOST, where=verb, remedy=AGAIN)

    async def close(self) -> None:
        await self._process.close()
