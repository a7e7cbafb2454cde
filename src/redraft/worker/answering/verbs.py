"""Verbs inside the answering process: each in a thread, with the models that the process keeps."""

from __future__ import annotations

import asyncio
import json
import threading
import traceback
from collections.abc import AsyncIterator, Mapping
from typing import Any

from redraft.core.errors import Interrupted, RedraftError
from redraft.worker.answering.stock import Stock
from redraft.worker.answering.work import AnsweringWork
from redraft.worker.bug import bug
from redraft.worker.verbs import find_verb


async def run_verb(name: str, request: Mapping[str, Any], stock: Stock) -> AsyncIterator[bytes]:
    """Everything the verb says as JSON lines, its result or error last. Closing the iterator stops the verb at the
    next thing it says or asks."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def emit(event: dict[str, Any]) -> None:
        loop.call_soon_threadsafe(lines.put_nowait, event)

    work = AnsweringWork(emit, stock)
    with stock.idle.working():
        threading.Thread(target=_work, args=(name, request, work), daemon=True, name=name).start()
        try:
            while True:
                event = await lines.get()
                yield json.dumps(event, ensure_ascii=False, default=str).encode() + b"\n"
                if event["event"] in ("result", "error"):
                    return
        finally:
            work.cancel()


def _work(name: str, request: Mapping[str, Any], work: AnsweringWork) -> None:
    try:
        with work:
            result = find_verb(name)(request, work)
        work.emit({"event": "result", "value": result.value, "exit_code": result.exit_code})
    except Interrupted:
        work.emit({"event": "error", "error": Interrupted("stopped").as_data()})
    except RedraftError as error:
        work.emit({"event": "error", "error": error.as_data()})
    except Exception as error:  # the last wall of a thread: what comes through here is our own bug, and says so
        traceback.print_exc()
        work.emit({"event": "error", "error": fault_of(error).as_data(), "bug": True})


def fault_of(error: Exception) -> RedraftError:
    """What a user is told of an error that no code expected."""
    if isinstance(error, MemoryError):
        return RedraftError("out of memory", remedy="Use smaller pictures, a smaller model or a larger machine")
    return bug(error, "Send us the traceback, which is in answering/errors.txt of the state folder")
