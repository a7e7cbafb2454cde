"""Events of a chat in the form that OpenAI's clients read: one object, or chunks of a stream."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Any

from redraft.core.chat import ChatBody
from redraft.core.errors import RedraftError, from_data

DONE = b"data: [DONE]\n\n"


class Bug(RedraftError):
    """A fault of redraft's own code."""


def error_of(event: dict[str, Any]) -> RedraftError:
    error = from_data(event["error"])
    return Bug(error.what, where=error.where, remedy=error.remedy) if event.get("bug") else error


def error_body(error: RedraftError) -> dict[str, Any]:
    """What a client is told, with our own error beside it for whoever passes it on."""
    kind = "server_error" if isinstance(error, Bug) else "invalid_request_error"
    told = {"message": str(error), "type": kind, "param": error.where or None, "code": None}
    return {"error": told, "redraft": {**error.as_data(), "bug": isinstance(error, Bug)}}


class Form:
    """One answer's head: the same in all its chunks."""

    def __init__(self, body: ChatBody) -> None:
        self.body = body
        self.head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": body.model}

    def whole(self, events: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """The object of an answer that is not streamed."""
        texts, tokens = [""] * self.body.n, [[] for _ in range(self.body.n)]  # type: ignore[var-annotated]
        reasons = ["stop"] * self.body.n
        told: dict[str, Any] = {}
        for event in events:
            if event["event"] == "delta":
                texts[event["index"]] += event["text"]
                tokens[event["index"]] += event["tokens"]
            elif event["event"] == "finish":
                reasons[event["index"]] = event["reason"]
            else:
                told = usage(event)
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": texts[index], "refusal": None},
                "logprobs": self._rated(tokens[index]),
                "finish_reason": reasons[index],
            }
            for index in range(self.body.n)
        ]
        return {**self.head, "object": "chat.completion", "choices": choices, "usage": told}

    async def stream(self, events: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
        """Server-sent events. An error in the middle is one of them, and the last."""
        named: set[int] = set()
        counted = self.body.stream_options is not None and self.body.stream_options.include_usage
        async for event in events:
            if event["event"] == "error":
                yield line(error_body(error_of(event)))
                return
            if event["event"] == "usage":
                if counted:
                    yield line(self._chunk([], usage=usage(event)))
                continue
            index = event["index"]
            if index not in named:
                named.add(index)
                yield line(self._chunk([self._choice(index, {"role": "assistant", "content": ""})], counted))
            if event["event"] == "delta":
                choice = self._choice(index, {"content": event["text"]})
                choice["logprobs"] = self._rated(event["tokens"])
                yield line(self._chunk([choice], counted))
            else:
                yield line(self._chunk([self._choice(index, {}, event["reason"])], counted))
        yield DONE

    def _chunk(self, choices: list[dict[str, Any]], counted: bool = False, **more: Any) -> dict[str, Any]:
        empty = {"usage": None} if counted else {}
        return {**self.head, "object": "chat.completion.chunk", "choices": choices, **empty, **more}

    def _choice(self, index: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}

    def _rated(self, tokens: list[dict[str, Any]]) -> dict[str, Any] | None:
        if not self.body.logprobs:
            return None
        return {"content": [{**token, "bytes": None, "top_logprobs": []} for token in tokens], "refusal": None}


def usage(event: dict[str, Any]) -> dict[str, int]:
    read, written = event["prompt_tokens"], event["completion_tokens"]
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def line(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"
