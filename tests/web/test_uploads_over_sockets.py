"""Uploads over a real connection: one that is cut, one of five gigabytes, and one of nearly four that is taken."""

from __future__ import annotations

import http.client
import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from redraft.state.access.token import ensure_token
from redraft.web.app import create_app
from redraft.web.settings import Settings


@pytest.fixture
def address(state_folder: Path) -> Iterator[tuple[str, int]]:
    """A server in a thread of this process, with the defaults of `redraft serve`."""
    server = uvicorn.Server(uvicorn.Config(create_app(Settings()), port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    yield host, port
    server.should_exit = True
    thread.join(30)


def head(address: tuple[str, int], length: int, more: str = "") -> bytes:
    return (
        f"POST /api/uploads?name=a.txt HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
        f"Authorization: Bearer {ensure_token().value}\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {length}\r\n{more}\r\n"
    ).encode()


def uploads(home: Path) -> list[str]:
    return [path.name for path in (home / "uploads").glob("*")]


def until(what: str, holds: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_connection_that_ends_leaves_nothing(address: tuple[str, int], state_folder: Path) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(head(address, 10**7) + b"x" * 300_000)
        until("it is being received", lambda: uploads(state_folder))
    until("nothing is left", lambda: not uploads(state_folder))
    client = http.client.HTTPConnection(*address, timeout=30)
    client.request("GET", "/api/health")
    assert json.load(client.getresponse())["status"] == "ok"
    client.close()


def test_five_gigabytes_are_refused_before_they_are_sent(address: tuple[str, int], state_folder: Path) -> None:
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(head(address, 5 * 10**9, "Expect: 100-continue\r\n"))
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413
        assert json.load(answer)["detail"] == "a file may have 4.0 GiB at most"
    assert not uploads(state_folder)


@pytest.mark.slow
def test_four_gigabytes_pass_through_little_memory(address: tuple[str, int], state_folder: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size, piece = 4 * 2**30 - 2**20, b"x" * 2**22
    client = http.client.HTTPConnection(*address, timeout=600)
    headers = {"Authorization": f"Bearer {ensure_token().value}", "Content-Type": "application/octet-stream"}
    pieces = (piece[: min(len(piece), size - at)] for at in range(0, size, len(piece)))
    client.request(
        "POST", "/api/uploads?name=a.txt", pieces, headers | {"Content-Length": str(size)}, encode_chunked=False
    )
    made = json.load(client.getresponse())
    client.close()
    assert made["bytes"] == size
    assert (state_folder / "uploads" / made["id"] / "a.txt").stat().st_size == size
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 300 * 2**20, f"{grown / 2**20:.0f} MiB"
    (state_folder / "uploads" / made["id"] / "a.txt").unlink()
