"""What a route stands on: the database, the queue, whoever answers for models, and the settings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request

from redraft.queue.jobs import Jobs
from redraft.state.database import Database
from redraft.web.settings import Settings


@dataclass
class Service:
    """One a server. A route gets it as `service: Serving`."""

    database: Database
    jobs: Jobs
    answers: Any
    settings: Settings
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server was asked to stop: streams end themselves."""
    database_seen: float = 0.0
    """When the database last answered to the question for the service's health (monotonic seconds)."""


async def service(request: Request) -> Service:
    """The dependency: the service of the application that the request came to. A coroutine: it needs no thread."""
    found: Service = request.app.state.service
    return found


Serving = Annotated[Service, Depends(service)]
