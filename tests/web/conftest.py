"""The service in this process, on a state folder of its own, and clients that hold its token."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient

from redraft.state.access.token import ensure_token
from redraft.web.app import create_app
from redraft.web.settings import Settings


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """A line a request would cost more time than the request; warnings are still shown."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """REDRAFT_HOME of the test; no variable of the person's reaches it."""
    for name in ("REDRAFT_DATABASE", "REDRAFT_TOKEN", "DEEPSYNTH_UI_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    monkeypatch.setenv("REDRAFT_HOME", str(home))
    return home


@pytest.fixture
def web_app(state_folder: Path) -> FastAPI:
    """The application as `redraft serve` builds it."""
    return create_app(Settings())


@pytest.fixture
def client(web_app: FastAPI) -> Iterator[TestClient]:
    """A client of the running application that holds its token. `client.app.state.service` is its service."""
    headers = {"Authorization": f"Bearer {ensure_token().value}"}
    with TestClient(web_app, base_url="http://127.0.0.1:7001", headers=headers) as started:
        yield started
