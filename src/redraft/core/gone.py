"""Work that ends when whoever asked for it has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from redraft.core.errors import Interrupted

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@asynccontextmanager
async def while_wanted(receive: Receive) -> AsyncIterator[None]:
    """The block is cancelled when the client hangs up, which raises Interrupted.

    receive: of the request (ASGI), whose body was read already.
    """
    task = asyncio.current_task()
    assert task is not None
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        task.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not gone or task.uncancel():
            raise
        raise Interrupted("the client has gone", remedy="Nobody waits for the answer any more") from None
    finally:
        watching.cancel()
