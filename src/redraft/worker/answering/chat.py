"""A chat completion in the answering process: from its messages to the events that its answer is made of."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import AsyncGenerator
from typing import Any

from redraft.core.chat import ChatBody
from redraft.core.errors import RedraftError
from redraft.worker.answering.listening import Emit
from redraft.worker.answering.stock import Stock
from redraft.worker.answering.verbs import fault_of


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
        from redraft.worker.answering.completing import complete  # torch comes with it

        complete(body, place, stock.kept(), emit, cancelled)
    except RedraftError as error:
        emit({"event": "error", "error": error.as_data()})
    except Exception as error:  # the last wall of a thread: what comes through here is our own bug, and says so
        traceback.print_exc()
        emit({"event": "error", "error": fault_of(error).as_data(), "bug": True})
