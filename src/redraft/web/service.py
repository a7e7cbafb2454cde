"""What a route stands on: the database, the queue, whoever answers for models, and the settings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from redraft.state.database import Database
from redraft.web.settings import Settings

if TYPE_CHECKING:
    from redraft.queue.jobs import Jobs


@dataclass
class Service:
    """One a server. A route gets it as `service: Serving`."""

    database: Database
    answers: Any
    settings: Settings
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server was asked to stop: streams end themselves."""
    database_seen: float = 0.0
    """When the database last answered to the question for the service's health (monotonic seconds)."""

    @cached_property
    def jobs(self) -> Jobs:
        from redraft.queue.jobs import Jobs

        return Jobs(self.database)


async def service(request: Request) -> Service:
    """The dependency: the service of the application that the request came to."""
    found: Service = request.app.state.service
    return found


Serving = Annotated[Service, Depends(service)]
