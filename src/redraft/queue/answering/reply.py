"""The answer to a chat as it comes from whoever answers: one object, or a stream that is passed on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2

from redraft.core.errors import Busy, InputError, RedraftError, WorkerLost, from_data

TOLD = 500
"""Characters of another server's words that are passed on."""


@dataclass
class ChatReply:
    """whole: the object, where the answer is not a stream. lost: to say where the stream breaks off."""

    answer: httpx2.Response
    lost: WorkerLost
    whole: dict[str, Any] | None = None

    @classmethod
    async def of(cls, answer: httpx2.Response, lost: WorkerLost) -> ChatReply:
        """Raises the error that the answer is."""
        if answer.status_code != 200:
            data = await answer.aread()
            raise own_error(data) or _told(answer.status_code, data, lost)
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return cls(answer, lost)
        try:
            whole = json.loads(await answer.aread())
        except ValueError:
            raise lost from None
        if not isinstance(whole, dict):
            raise lost
        return cls(answer, lost, whole)

    async def lines(self) -> AsyncIterator[bytes]:
        """The stream's events. One that breaks off ends with an event that holds the error, in OpenAI's form."""
        ended = False
        try:
            async for line in self.answer.aiter_lines():
                ended = ended or line == "data: [DONE]" or line.startswith('data: {"error"')
                if line.startswith("data:"):
                    yield f"{line}\n\n".encode()
        except httpx2.TransportError:
            pass
        if not ended:
            said = {"message": str(self.lost), "type": "server_error", "param": None, "code": None}
            yield b"data: " + json.dumps({"error": said}).encode() + b"\n\n"


def own_error(data: bytes) -> Exception | None:
    """The error of an answer of our own process; a RuntimeError for a fault of our own code."""
    try:
        own = json.loads(data)["redraft"]
        error: RedraftError = from_data(own)
        return RuntimeError(str(error)) if own.get("bug") else error
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _told(status: int, data: bytes, lost: WorkerLost) -> RedraftError:
    """What another server said, as an error of ours."""
    try:
        said = str(json.loads(data)["error"]["message"])[:TOLD]
    except (ValueError, KeyError, TypeError):
        said = f"it answered with {status}"
    what = f"the server that answers refused: {said}".rstrip(".")
    if status in (429, 503):
        return Busy(what, remedy="Try again in a moment")
    if status in (400, 404, 413, 422):
        return InputError(what, remedy="Correct the request")
    if status in (401, 403):
        remedy = "Ask who runs this service to set REDRAFT_ANSWERS_KEY anew"
        return WorkerLost("the server that answers does not take our key", remedy=remedy)
    return WorkerLost(what, where=lost.where, remedy=lost.remedy)
