"""A chat completion: its pictures and messages to a prompt, its answers to events while they are written."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from redraft.core.chat import ChatBody
from redraft.core.errors import InputError, Interrupted
from redraft.core.example import Example
from redraft.inference.choosing import row_seed
from redraft.inference.predictor import LocalPredictor, Row
from redraft.inference.text_stream import TextStream
from redraft.worker.answering.engine import Engine, Wish
from redraft.worker.answering.kept import Kept
from redraft.worker.answering.listening import Emit, Listener
from redraft.worker.answering.shared import results

DRAWN = 0.7
"""The temperature of answers beyond the first where the request says none: as `LocalPredictor` draws them."""


def complete(body: ChatBody, place: str, kept: Kept, emit: Emit, cancelled: threading.Event) -> None:
    """Says delta and finish of each answer, then usage, as `chat.run_chat`. Raises what is wrong with the body."""
    images = kept.pictures.images(body.pictures())
    example = Example("messages", images, tuple(message.as_message() for message in body.messages), {})
    with kept.shelf.lend(place) as model:
        _answer(body, example, model, kept.engine, emit, cancelled)


def _answer(
    body: ChatBody, example: Example, model: LocalPredictor, engine: Engine, emit: Emit, cancelled: threading.Event
) -> None:
    encoding = model.encoder.encode_prompt(example)
    _check_room(len(encoding), model)
    if cancelled.is_set():
        raise Interrupted("stopped")
    listeners = [
        Listener(
            index,
            TextStream(model.decode, body.stops),
            model.encoder.end_ids,
            emit,
            cancelled,
            body.logprobs,
        )
        for index in range(body.n)
    ]
    seed = secrets.randbits(62) if body.seed is None else body.seed
    wishes = [Wish(model, _row(body, encoding, listener, seed, model)) for listener in listeners]
    engine.submit(wishes)
    for wish, listener in zip(wishes, listeners, strict=True):
        results([wish], cancelled)
        listener.end()
        emit({"event": "finish", "index": listener.index, "reason": listener.finish})
    written = sum(listener.count for listener in listeners)
    emit({"event": "usage", "prompt_tokens": len(encoding), "completion_tokens": written})


def _row(body: ChatBody, encoding: Any, listener: Listener, seed: int, model: LocalPredictor) -> Row:
    temperature = body.temperature
    if temperature is None:
        temperature = 0.0 if listener.index == 0 else DRAWN
    return Row(
        listener.index,
        listener.index,
        row_seed(seed, "", listener.index + 1) if temperature > 0 else None,
        encoding,
        body.limit or model.settings.max_new_tokens,
        temperature,
        1.0 if body.top_p is None else body.top_p,
        listener,
    )


def _check_room(tokens: int, model: LocalPredictor) -> None:
    if model.positions is not None and tokens >= model.positions:
        raise InputError(
            f"{tokens:,} tokens with the pictures leave no room for an answer in the model's {model.positions:,}",
            where="messages",
            remedy="Send fewer or smaller pictures, or take a model with more positions",
        )
