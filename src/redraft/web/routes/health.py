"""Whether the service answers: for container engines, load balancers and people."""

from __future__ import annotations

import time
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text

from redraft import __version__
from redraft.web.service import Service, Serving

router = APIRouter(tags=["service"])
FRESH = 1.0
"""Seconds for which a finding about the database holds, so that anybody may ask at any rate."""


class Health(BaseModel):
    """The service answers; without its database it would answer 503."""

    status: Literal["ok"] = "ok"
    version: str
    database: Literal["ok"] = "ok"

    model_config = {"json_schema_extra": {"examples": [{"status": "ok", "version": "1.0", "database": "ok"}]}}


@router.head("/api/health", include_in_schema=False)
@router.get("/api/health")
def health(service: Serving) -> Health:
    """Says that the service and its database answer. Needs no token."""
    _look(service)
    return Health(version=__version__)


def _look(service: Service) -> None:
    if not service.database_seen or time.monotonic() - service.database_seen > FRESH:
        with service.database.read() as session:
            session.execute(text("SELECT 1"))
        service.database_seen = time.monotonic()
