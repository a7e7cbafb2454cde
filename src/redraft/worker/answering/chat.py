"""A chat completion in the answering process: from its messages to the events that its answer is made of."""

from __future__ import annotations

import asyncio
import secrets
import threading
import traceback
from collections.abc import AsyncGenerator
from typing import Any

from redraft.core.chat import ChatBody
from redraft.core.errors import InputError, Interrupted, RedraftError
from redraft.core.example import Example
from redraft.inference.choosing import row_seed
from redraft.inference.predictor import LocalPredictor, Row
from redraft.inference.text_stream import TextStream
from redraft.worker.answering.engine import Wish
from redraft.worker.answering.listening import Emit, Listener
from redraft.worker.answering.shared import results
from redraft.worker.answering.stock import Stock
from redraft.worker.answering.verbs import fault_of

DRAWN = 0.7
"""The temperature of answers beyond the first where the request says none: as `LocalPredictor` draws them."""


async def run_chat(body: ChatBody, place: str, stock: Stock) -> AsyncGenerator[dict[str, Any], None]:
    """delta {index, text, tokens} as they come, finish {index, reason} of each answer, and at the end usage
    {prompt_tokens, completion_tokens}; or error {error, bug}. Closing the iterator stops the answer.

    place: the model's folder or name.
    """
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    cancelled = threading.Event()

    def emit(event: dict[str, Any]) -> None:
        loop.call_soon_threadsafe(events.put_nowait, event)

    with stock.idle.working():
        threading.Thread(
            target=_work, args=(body, place, stock, emit, cancelled), daemon=True, name="chat"
        ).start()
        try:
            while True:
                event = await events.get()
                yield event
                if event["event"] in ("usage", "error"):
                    return
        finally:
            cancelled.set()


def _work(body: ChatBody, place: str, stock: Stock, emit: Emit, cancelled: threading.Event) -> None:
    try:
        images = stock.pictures.images(body.pictures())
        example = Example("messages", images, tuple(message.as_message() for message in body.messages), {})
        with stock.shelf.lend(place) as kept:
            _answer(body, example, kept, stock, emit, cancelled)
    except RedraftError as error:
        emit({"event": "error", "error": error.as_data()})
    except Exception as error:  # the last wall of a thread: what comes through here is our own bug, and says so
        traceback.print_exc()
        emit({"event": "error", "error": fault_of(error).as_data(), "bug": True})


def _answer(
    body: ChatBody, example: Example, kept: LocalPredictor, stock: Stock, emit: Emit, cancelled: threading.Event
) -> None:
    encoding = kept.encoder.encode_prompt(example)
    _check_room(len(encoding), kept)
    if cancelled.is_set():
        raise Interrupted("stopped")
    listeners = [
        Listener(
            index,
            TextStream(kept.decode, body.stops),
            kept.encoder.end_ids,
            emit,
            cancelled,
            body.logprobs,
        )
        for index in range(body.n)
    ]
    seed = secrets.randbits(62) if body.seed is None else body.seed
    wishes = [Wish(kept, _row(body, encoding, listener, seed, kept)) for listener in listeners]
    stock.engine.submit(wishes)
    for wish, listener in zip(wishes, listeners, strict=True):
        results([wish], cancelled)
        listener.end()
        emit({"event": "finish", "index": listener.index, "reason": listener.finish})
    written = sum(listener.count for listener in listeners)
    emit({"event": "usage", "prompt_tokens": len(encoding), "completion_tokens": written})


def _row(body: ChatBody, encoding: Any, listener: Listener, seed: int, kept: LocalPredictor) -> Row:
    temperature = body.temperature
    if temperature is None:
        temperature = 0.0 if listener.index == 0 else DRAWN
    return Row(
        listener.index,
        listener.index,
        row_seed(seed, "", listener.index + 1) if temperature > 0 else None,
        encoding,
        body.limit or kept.settings.max_new_tokens,
        temperature,
        1.0 if body.top_p is None else body.top_p,
        listener,
    )


def _check_room(tokens: int, kept: LocalPredictor) -> None:
    if kept.positions is not None and tokens >= kept.positions:
        raise InputError(
            f"{tokens:,} tokens with the pictures leave no room for an answer in the model's {kept.positions:,}",
            where="messages",
            remedy="Send fewer or smaller pictures, or take a model with more positions",
        )
