"""The service as one ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from redraft import __version__
from redraft.queue.answering import Answering
from redraft.queue.jobs import Jobs
from redraft.state.access.token import TokenFile, ensure_token
from redraft.state.database import Database
from redraft.web.description.openapi import DESCRIPTION, describe
from redraft.web.discovery import include_routes
from redraft.web.logs import RequestLog
from redraft.web.problems import add_handlers
from redraft.web.security.bodies import Bodies
from redraft.web.security.guard import Guard
from redraft.web.security.headers import Headers
from redraft.web.service import Service
from redraft.web.settings import Settings
from redraft.web.worker_starter import WorkerStarter

STATIC = Path(__file__).parent / "static"


def create_app(settings: Settings | None = None, *, answers: Any = None) -> FastAPI:
    """The application with every route that is found. The database is opened when it starts (its lifespan).

    A state folder without a token gets one. answers: who answers for models (`queue.answering.Answering`); None
    makes one, which starts no process before it is asked.
    """
    settings = settings or Settings()
    given = answers or Answering()
    ensure_token()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database.open(settings.database)
        jobs = Jobs(database)
        given.database = database
        app.state.service = service = Service(database, jobs, given, settings)
        looking = asyncio.create_task(WorkerStarter(jobs, settings.database).run()) if settings.worker else None
        try:
            yield
        finally:
            service.stopping.set()
            if looking is not None:
                looking.cancel()
            await given.close()
            database.close()

    app = FastAPI(
        title="redraft",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=settings.body_limit,
        middleware=[
            Middleware(RequestLog),
            Middleware(Headers),
            Middleware(Guard, settings=settings, tokens=TokenFile()),
            Middleware(Bodies),
        ],
    )
    app.state.settings = settings
    add_handlers(app)
    include_routes(app, given)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    describe(app)
    return app
