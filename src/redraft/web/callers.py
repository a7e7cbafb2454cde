"""Who asks. One token serves one owner; rows that others own are not shown to them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

OWNER = "local"
"""The owner of everything that whoever holds the token makes."""
SCOPE_KEY = "redraft.caller"
"""Where the guard puts the owner into the request's scope."""


async def caller(request: Request) -> str:
    """The owner in whose name the request came. The guard lets none through that has no caller.

    A coroutine, as every dependency that only looks: FastAPI would send a plain function to a thread.
    """
    owner: str = request.scope[SCOPE_KEY]
    return owner


Caller = Annotated[str, Depends(caller)]
