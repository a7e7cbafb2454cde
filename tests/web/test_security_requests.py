"""What requests may look like, what answers and logs give away, and that one bad request harms no other."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from raw_client import Ask, ask_all
from sqlalchemy import Connection, event

from redraft.core.errors import Conflict, LeaseLost, NotFound, OutputError, RedraftError, StateError, WorkerLost
from redraft.state.access.token import ensure_token
from redraft.web.app import create_app
from redraft.web.logs import set_up_logs
from redraft.web.settings import Settings


@pytest.mark.parametrize(
    "kind", ["text/plain", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", None]
)
def test_bodies_that_any_page_may_send_are_not_read(client: TestClient, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = client.post("/api/jobs", content=b'{"kind": "pull"}', headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["remedy"]


def test_a_body_of_any_length_is_stopped_where_it_grows_too_long(client: TestClient) -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 2**16
            yield b" " * 2**16

    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/jobs", content=body(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "the body is larger than this operation reads"
    said = client.post("/api/jobs", content=b"{}", headers={**headers, "Content-Length": str(2**40)})
    assert said.status_code == 413


def test_what_is_no_json_is_told(client: TestClient) -> None:
    for body in (b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b'{"kind": "\\ud800"}', b"null", b"\x00"):
        answer = client.post("/api/jobs", content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, body[:20]
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_header_that_means_two_things_is_refused(client: TestClient) -> None:
    token = ensure_token().value
    twice = [("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {token}")]
    assert client.get("/api/jobs", headers=twice).status_code == 400
    names = [("Host", "127.0.0.1:7001"), ("Host", "evil.example"), ("Authorization", f"Bearer {token}")]
    assert client.get("/api/jobs", headers=names).status_code == 400


ERRORS = [
    (NotFound("there is no such job", where="job-1", remedy="List them"), 404),
    (Conflict("the job has ended"), 409),
    (LeaseLost("given to somebody else"), 409),
    (StateError("the database is locked"), 503),
    (OutputError("the disk is full"), 507),
    (WorkerLost("the process ended"), 503),
    (RedraftError("something is wrong with it"), 422),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere"), 507),
]


@pytest.mark.parametrize(("error", "status"), ERRORS, ids=lambda value: type(value).__name__)
def test_every_error_is_a_problem_that_says_what_to_do(
    web_app: FastAPI, client: TestClient, error: Exception, status: int
) -> None:
    def fails() -> None:
        raise error

    web_app.add_api_route("/fails", fails)
    answer = client.get("/fails", headers={"X-Request-ID": "my-own-id.1"})
    told = answer.json()
    assert answer.status_code == status == told["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["request_id"] == answer.headers["x-request-id"] == "my-own-id.1"
    assert told["instance"] == "/fails"
    assert ("retry-after" in answer.headers) == (status == 503)
    if isinstance(error, RedraftError):
        assert (told["detail"], told["where"], told["remedy"]) == (error.what, error.where, error.remedy)


def test_no_path_of_the_machine_is_told(web_app: FastAPI, client: TestClient, state_folder: Path) -> None:
    def fails() -> None:
        raise OutputError(f"cannot write {state_folder}/x", where=str(state_folder / "runs" / "run-1"))

    web_app.add_api_route("/fails", fails)
    told = client.get("/fails")
    assert str(state_folder) not in told.text
    assert told.json()["where"] == "runs/run-1"


def test_what_nobody_foresaw_tells_its_id_and_the_service_goes_on(
    web_app: FastAPI, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise ZeroDivisionError("a detail of ours")

    web_app.add_api_route("/fails", fails)
    answer = client.get("/fails")
    assert answer.status_code == 500
    assert "detail of ours" not in answer.text
    assert answer.json()["where"] == answer.headers["x-request-id"]
    assert client.get("/api/health").status_code == 200


def test_clients_of_openai_read_our_errors(client: TestClient) -> None:
    answer = client.get("/v1/nothing")
    assert answer.status_code == 404
    assert set(answer.json()["error"]) >= {"message", "type", "code"}
    refused = client.get("/v1/models", headers={"Authorization": "Bearer wrong"})
    assert refused.status_code == 401
    assert "token" in refused.json()["error"]["message"]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, object]]]]:
    """What is logged meanwhile, as the service logs it."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    set_up_logs(as_json=True)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_a_request_and_no_secret_in_any(
    web_app: FastAPI, lines: Callable[[], list[dict[str, object]]]
) -> None:
    token = ensure_token().value
    asks = [
        Ask("GET", f"/api/jobs?token={token}&password=hunter2", {"Authorization": f"Bearer {token}"}),
        Ask("GET", f"/{token}", {"Authorization": f"Bearer {token}", "X-Request-ID": "id\nforged: line"}),
        Ask("GET", "/?code=abcdefghijklmnop", {"Cookie": "redraft_1=secret-cookie"}),
    ]
    with TestClient(web_app):
        answers = [answer for _, answer in ask_all(web_app, asks)]
    log = structlog.get_logger("redraft.test")
    log.warning(
        "told", header=f"Bearer {token}", url="postgresql://anna:pass-word@db/redraft", deep={"in": [token]}
    )
    logging.getLogger("library").warning("GET /?code=abcdefghijklmnop and %s", token)
    try:
        raise ValueError(f"with {token}")
    except ValueError:
        log.exception("failed")
    found = lines()
    text = json.dumps(found)
    for secret in (token, "hunter2", "abcdefghijklmnop", "secret-cookie", "pass-word"):
        assert secret not in text
    requests = [line for line in found if line["event"] == "request"]
    assert [line["request_id"] for line in requests] == [answer.headers["x-request-id"] for answer in answers]
    assert all("forged" not in str(line["request_id"]) for line in requests)
    assert all(
        {"method", "path", "status", "milliseconds", "timestamp", "level"} <= set(line) for line in requests
    )


def test_on_a_terminal_a_request_is_one_short_line(web_app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    set_up_logs(as_json=False)
    try:
        with TestClient(web_app):
            ((_, answer),) = ask_all(web_app, [Ask("GET", "/api/jobs?page=x", {})])
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    (line,) = [line for line in stream.getvalue().splitlines() if "/api/jobs" in line]
    assert re.search(r"401 GET /api/jobs in [\d.]+ ms", line)
    assert answer.headers["x-request-id"] in line
    assert "page=x" not in line


def test_a_locked_database_is_one_clear_answer_and_the_service_goes_on(
    client: TestClient, state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = client.app.state.service  # type: ignore[attr-defined]
    other = sqlite3.connect(state_folder / "redraft.sqlite", isolation_level=None)
    with service.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    other.execute("BEGIN IMMEDIATE")
    body = {"kind": "pull", "payload": {"repo": "someone/model"}}
    try:
        answer = client.post("/api/jobs", json=body)
        assert answer.status_code == 503
        assert "locked" in answer.json()["detail"]
        assert answer.headers["retry-after"]
        assert client.get("/api/jobs").status_code == 200, "reading goes on beside a writer"
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert client.get("/api/health").status_code == 200


def test_a_full_disk_is_one_clear_answer_and_the_service_goes_on(client: TestClient) -> None:
    engine = client.app.state.service.database.engine  # type: ignore[attr-defined]
    limited = True

    @event.listens_for(engine, "begin")
    def limit(connection: Connection) -> None:
        """A database that may not grow by one page is one on a full disk."""
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() if limited else 2**30
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    body = {"kind": "pull", "payload": {"repo": "someone/model"}, "title": "x" * 200}
    statuses = [client.post("/api/jobs", json=body).status_code for _ in range(60)]
    assert statuses[-1] == 507
    assert set(statuses) <= {201, 507}
    told = client.post("/api/jobs", json=body).json()
    assert told["detail"] == "the disk of the database is full"
    assert "Free some space" in told["remedy"]
    assert client.get("/api/jobs").status_code == 200
    limited = False
    assert client.post("/api/jobs", json=body).status_code == 201


def test_other_names_only_where_they_are_given(state_folder: Path) -> None:
    def status(settings: Settings, host: str) -> int:
        app = create_app(settings)
        with TestClient(app):
            ((_, answer),) = ask_all(app, [Ask("GET", "/api/health", {"Host": host})])
        return answer.status

    assert status(Settings(), "box.lan") == 421
    assert status(Settings(allowed_hosts=("Box.lan",)), "box.lan:7001") == 200
    assert status(Settings(), "10.0.0.5:7001") == 421
    assert status(Settings(), "[::1]:7001") == 200
    reached = Settings(host="0.0.0.0")
    assert status(reached, "10.0.0.5:7001") == 200
    assert status(reached, "evil.example:7001") == 421
    assert status(reached, "10.0.0.5.evil.example") == 421
