"""Answers of models for the light side: from a process that keeps them loaded, or from a server by its address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from redraft.core.answers import Kept, OnEvent
from redraft.core.chat import ChatBody
from redraft.core.errors import RedraftError, WorkerLost, from_data
from redraft.core.verb import Result
from redraft.queue.answering import models as answer_models
from redraft.queue.answering.files import AnswerFiles
from redraft.queue.answering.models import Known
from redraft.queue.answering.process import AnsweringProcess
from redraft.queue.answering.reply import ChatReply, own_error
from redraft.queue.answering.server import AnswerServer
from redraft.state.database import Database

PLACE = "redraft-place"
LOST = "the process that answers was lost in the middle of this answer"
AGAIN = "Ask again: another one is started for the next request"


class Answering:
    """Implements `core.answers.Answers`. Use it from one event loop.

    database: where ids are looked up; it may be given later, and without one only the tasks' own models are known.
    """

    def __init__(self, database: Database | None = None) -> None:
        self.database = database
        self.files = AnswerFiles()
        self.server = AnswerServer.from_environment()
        self._process = AnsweringProcess({"OPENAI_API_KEY": self.server.key} if self.server else {})
        self._server_client = self.server.client() if self.server else None

    async def ask(self, verb: str, request: Mapping[str, Any], *, on_event: OnEvent | None = None) -> Result:
        """As `Answers.ask`. Folders and addresses of this side are taken out of an error's words."""
        try:
            return await self._ask(verb, request, on_event)
        except RedraftError as error:
            error.what, error.where, error.remedy = map(self._private, (error.what, error.where, error.remedy))
            raise

    def _private(self, text: str) -> str:
        text = self.files.without_folders(text)
        return text.replace(self.server.url, "the server that answers") if self.server else text

    async def _ask(self, verb: str, request: Mapping[str, Any], on_event: OnEvent | None) -> Result:
        asked = dict(request)
        if "model" in asked:
            asked["model"] = await self._model_of(str(asked["model"]))
        sent = {"path": f"/verbs/{verb}", "json": {"request": asked}}
        try:
            async with self._sent(sent) as answer:
                if answer.status_code != 200:
                    raise own_error(await answer.aread()) or WorkerLost(LOST, where=verb, remedy=AGAIN)
                async for line in answer.aiter_lines():
                    event = json.loads(line)
                    if event["event"] == "result":
                        return Result(event["value"], event["exit_code"])
                    if event["event"] == "error":
                        raise _error(event)
                    if on_event is not None:
                        on_event(event)
        except httpx2.TransportError:
            pass
        raise WorkerLost(LOST, where=verb, remedy=AGAIN)

    @asynccontextmanager
    async def _sent(self, request: dict[str, Any]) -> AsyncIterator[httpx2.Response]:
        """The answering process's answer. One that ended for want of work just now is started again."""
        sent = {"method": "POST", "url": request.pop("path"), **request}
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context((await self._process.ready()).stream(**sent))
            except httpx2.ConnectError:
                answer = await stack.enter_async_context((await self._process.ready()).stream(**sent))
            yield answer

    async def _model_of(self, name: str) -> str:
        """What a verb's `work.predictor` is given: a folder, or an address with the server's name of the model."""
        if self.server is not None and self._server_client is not None:
            return f"{self.server.url}#{await self.server.name(self._server_client, name)}"
        return str((await self.find(name)).folder)

    async def find(self, name: str) -> Known:
        """The model of this machine that a name means; NotFound."""
        return await asyncio.to_thread(answer_models.find, self.database, name)

    async def models(self) -> list[dict[str, Any]]:
        """What can answer, as `GET /v1/models` lists it."""
        if self.server is not None and self._server_client is not None:
            return await self.server.models(self._server_client)
        known = await asyncio.to_thread(answer_models.every, self.database)
        return [
            {"id": one.id, "object": "model", "created": one.created, "owned_by": "redraft", "title": one.title}
            for one in known
        ]

    @asynccontextmanager
    async def chat(self, body: ChatBody) -> AsyncIterator[ChatReply]:
        """The answer to a chat, streamed where the body wants it. Leaving the block ends what is not yet written.

        NotFound for an unknown model, the answer's own error where it has one, WorkerLost where whoever answers
        was lost before the first word.
        """
        for picture in body.pictures():
            picture.body()  # another server would fetch an address
        data = body.model_dump(mode="json", exclude_none=True, exclude_unset=True)
        if self.server is not None and self._server_client is not None:
            data["model"] = await self.server.name(self._server_client, body.model)
            stream = self._server_client.stream("POST", "/chat/completions", json=data)
        else:
            place = {PLACE: quote(str((await self.find(body.model)).folder))}
            stream = self._sent({"path": "/v1/chat/completions", "json": data, "headers": place})
        lost = self.server.lost() if self.server else WorkerLost(LOST, where=body.model, remedy=AGAIN)
        try:
            async with stream as answer:
                yield await ChatReply.of(answer, lost)
        except httpx2.TransportError:
            raise lost from None

    def keep(self) -> Kept:
        """As `Answers.keep`."""
        return self.files.new()

    def drop(self, kept: Kept) -> None:
        """As `Answers.drop`."""
        self.files.drop(kept)

    def kept(self, id: str, name: str) -> Path:
        """As `Answers.kept`."""
        return self.files.find(id, name)

    async def close(self) -> None:
        """Lets go of the connections, and ends a process that this object started."""
        if self._server_client is not None:
            await self._server_client.aclose()
        await self._process.close()


def _error(event: Mapping[str, Any]) -> Exception:
    """A fault of our own code is no error of the user's."""
    error: RedraftError = from_data(event["error"])
    return RuntimeError(str(error)) if event.get("bug") else error
