"""The whole service on a port, with its answering process beside it, in a state folder of its own."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
import openai
import psutil
import pytest
import uvicorn

from redraft.core.answers import socket_path
from redraft.core.home import home
from redraft.state.access.token import ensure_token
from redraft.state.database import Database
from redraft.state.places import new_id
from redraft.state.tables import Model
from redraft.web.app import create_app
from redraft.web.settings import Settings
from small_models import save_small

LOCAL = ("REDRAFT_DATABASE", "REDRAFT_TOKEN", "REDRAFT_ANSWERS", "REDRAFT_ANSWERS_KEY", "REDRAFT_MODEL_ALIASES")


@dataclass
class Running:
    """A server on a free port. token: of its state folder."""

    url: str
    token: str
    home: Path
    socket: Path

    @cached_property
    def http(self) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False)

    @cached_property
    def openai(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=self.token, max_retries=0, timeout=120)

    def started(self, model: str = "small") -> dict[str, Any]:
        """What the answering process says of itself, once it runs and has that model."""
        said = {"role": "user", "content": "1"}
        self.openai.chat.completions.create(model=model, messages=[said], max_tokens=1)  # type: ignore[list-item]
        return self.process()

    def process(self) -> dict[str, Any]:
        """What the answering process says of itself."""
        transport = httpx2.HTTPTransport(uds=str(self.socket))
        with httpx2.Client(transport=transport, base_url="http://answering") as client:
            found: dict[str, Any] = client.get("/health").json()
            return found


@contextmanager
def served() -> Iterator[Running]:
    """The service of the state folder that REDRAFT_HOME names now. Its answering process ends with it."""
    token, socket = ensure_token().value, socket_path()
    app = create_app(Settings(worker=False, drain=1.0))
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Running(f"http://127.0.0.1:{port}", token, home(), socket)
    finally:
        server.should_exit = True
        thread.join(30)
        end_answering(socket)


def end_answering(socket: Path) -> None:
    """Ends the answering process behind that socket, if there is one."""
    if not socket.exists():
        return
    try:
        transport = httpx2.HTTPTransport(uds=str(socket))
        with httpx2.Client(transport=transport, base_url="http://answering", timeout=5) as client:
            pid = client.get("/health").json()["pid"]
        process = psutil.Process(pid)
        process.kill()
        process.wait(10)
    except (httpx2.TransportError, psutil.NoSuchProcess):
        pass


@contextmanager
def own_home(folder: Path, **variables: str) -> Iterator[None]:
    """REDRAFT_HOME in that folder, and nothing of the person's own variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name in LOCAL:
            patch.delenv(name, raising=False)
        patch.setenv("REDRAFT_HOME", str(folder))
        patch.setenv("OMP_NUM_THREADS", "1")
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


def add_model(place: Path, name: str = "small", save: Callable[[Path], Path] = save_small) -> str:
    """A small model with a row of its own; its id."""
    id = new_id("model")
    folder = save(place / "models" / id)
    database = Database.open()
    with database.write() as session:
        now = database.now(session)
        session.add(Model(id=id, name=name, kind="base", status="ready", folder=str(folder), created_at=now))
    database.close()
    return id


def data_uri(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def wait_until(true: Any, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
