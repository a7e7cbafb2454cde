"""OpenAI's protocol: models that can answer, and chats with pictures, so existing clients work as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from redraft.core.chat import MAX_BYTES, ChatBody
from redraft.core.errors import NotFound
from redraft.core.gone import while_wanted
from redraft.queue.answering.reply import ChatReply
from redraft.web.openai_models import Completion, ModelList, ServedModel
from redraft.web.service import Serving

router = APIRouter(prefix="/v1", tags=["OpenAI"])
STREAM = "text/event-stream"


@router.get("/models")
async def list_models(service: Serving) -> ModelList:
    """What can answer: the tasks' own models, then runs, checkpoints and models by their ids, the newest first."""
    return ModelList(data=[ServedModel.model_validate(one) for one in await service.answers.models()])


@router.get("/models/{id:path}")
async def show_model(service: Serving, id: str = Path(max_length=300, examples=["default/cad"])) -> ServedModel:
    """One of them."""
    for one in await service.answers.models():
        if one["id"] == id:
            return ServedModel.model_validate(one)
    raise NotFound(
        "there is no model of that id", where=id[:100], remedy="GET /v1/models lists those that can answer"
    )


@router.post(
    "/chat/completions",
    response_model=Completion,
    responses={
        200: {
            "description": "The answer; with `stream` its pieces as server-sent events, `[DONE]` last.",
            "content": {STREAM: {"schema": {"type": "string"}}},
        }
    },
    max_body_size=MAX_BYTES,
)
async def chat(service: Serving, request: Request, body: ChatBody) -> Any:
    """Answers a chat with pictures. They come as data URIs; an address is never fetched.

    A client that hangs up ends its answer.
    """
    stack = AsyncExitStack()
    try:
        async with while_wanted(request.receive):
            reply: ChatReply = await stack.enter_async_context(service.answers.chat(body))
        if reply.whole is None:
            return _Passed(reply.lines(), stack)
    except BaseException:
        await stack.aclose()
        raise
    await stack.aclose()
    return JSONResponse(reply.whole)


class _Passed(StreamingResponse):
    """A stream that is passed on, and closed however it ends."""

    def __init__(self, lines: AsyncIterator[bytes], stack: AsyncExitStack) -> None:
        super().__init__(lines, media_type=STREAM, headers={"Cache-Control": "no-store"})
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            await super().__call__(scope, receive, send)
