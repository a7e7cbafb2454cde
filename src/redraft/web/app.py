"""The service as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from redraft import __version__
from redraft.state.database import Database
from redraft.web.discovery import include_routes
from redraft.web.problems import add_handlers
from redraft.web.service import Service
from redraft.web.settings import Settings


def create_app(settings: Settings | None = None, *, answers: Any = None) -> FastAPI:
    """The application with every route that is found. The database is opened when it starts (its lifespan).

    answers: who answers for models (`queue.answering.Answering`); None makes one, which starts no process before
    it is asked.
    """
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database.open(settings.database)
        app.state.service = Service(database, answers, settings)
        try:
            yield
        finally:
            app.state.service.stopping.set()
            database.close()

    app = FastAPI(
        title="redraft",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=settings.body_limit,
    )
    add_handlers(app)
    include_routes(app, answers)
    return app
