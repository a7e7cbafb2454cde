"""Walks every route, method, mount and static path with no token, a wrong one, a wrong name and a wrong origin."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from raw_client import Ask, ask_all
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocketDisconnect

from redraft.state.access.token import PREFIX, ensure_token
from redraft.web.app import STATIC

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
PUBLIC = {"/api/health", "/openapi.json", "/docs"}
IDS = ("job-01k9zq3v7w3t9c5a7m2v4x8n1b", "..%2f..%2ftoken", "%00")
UNKNOWN = (
    *("/nothing", "/api", "/api/", "/api/health/", "//api/health", "/api/health%2f..%2fjobs", "/docs/x", "/v1"),
    *("/API/HEALTH", "/openapi.json/", "/static", "/staticx", "/%2e%2e/token", "/metrics", "", "*"),
)
WRONG: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": f"Bearer {PREFIX}{'x' * 43}"},
    {"Authorization": "Bearer "},
    {"Authorization": "Basic cmVkcmFmdDpyZWRyYWZ0"},
    {"Authorization": "Bearer ÿ"},
    {"Cookie": "redraft_000000000000=1999999999.aaaa.bbbb"},
)


def paths(app: FastAPI) -> list[str]:
    """Every path that the application knows, its parameters filled in, and some it does not know."""
    return sorted(set(_paths(app)))


def _paths(app: FastAPI) -> Iterator[str]:
    for context in iter_route_contexts(app.routes):
        path = getattr(context, "path", None)
        for value in IDS if path and "{" in path else IDS[:1]:
            yield re.sub(r"\{[^}]*\}", value, path or "/")
    for route in app.routes:
        if isinstance(route, Mount):
            yield from (f"{route.path}/", f"{route.path}/../api/jobs", f"{route.path}/%2e%2e/%2e%2e/token")
    yield from (f"/static/{file.relative_to(STATIC)}" for file in STATIC.rglob("*") if file.is_file())
    yield from UNKNOWN


def is_public(method: str, path: str) -> bool:
    return method in ("GET", "HEAD") and (path in PUBLIC or path.startswith("/static/"))


@pytest.fixture
def stranger(web_app: FastAPI) -> Iterator[TestClient]:
    """A client without a token; the application runs."""
    with TestClient(web_app, base_url="http://127.0.0.1:7001", follow_redirects=False) as started:
        yield started


@pytest.fixture
def running(stranger: TestClient, web_app: FastAPI) -> FastAPI:
    return web_app


def test_there_is_something_to_walk(web_app: FastAPI) -> None:
    known = set(paths(web_app))
    assert known >= {"/api/health", "/openapi.json", "/docs", "/", "/api/jobs", "/static/redraft.css"}
    assert len(known) > 40


def test_nothing_but_the_public_answers_without_the_token(running: FastAPI) -> None:
    token = ensure_token().value
    asks = [Ask(*what) for what in itertools.product(METHODS, paths(running), WRONG)]
    for ask, answer in ask_all(running, asks):
        where = (ask, answer.status)
        if is_public(ask.method, ask.path):
            assert answer.status in (200, 404, 405), where
            assert token not in answer.text, where
        else:
            assert answer.status == 401, where
            assert answer.headers["www-authenticate"].startswith("Bearer"), where


def test_no_name_but_our_own_is_answered(running: FastAPI) -> None:
    """Also with the token, also what is public: a name that somebody else owns may point here (DNS rebinding)."""
    token = {"Authorization": f"Bearer {ensure_token().value}"}
    names = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7001", "192.168.0.9", "", "[::2]")
    asks = [Ask("GET", path, {**token, "Host": name}) for path in paths(running) for name in names]
    for ask, answer in ask_all(running, asks):
        assert answer.status == 421, ask


FOREIGN: tuple[dict[str, str], ...] = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:7002"},
    {"Origin": "http://[half"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
)


def test_no_other_sites_page_is_answered(running: FastAPI) -> None:
    """Not even one that has the token: neither to change something nor to read or listen."""
    token = {"Authorization": f"Bearer {ensure_token().value}"}
    asks = [
        Ask(method, path, {**token, **headers, "Accept": "text/event-stream"})
        for method, path, headers in itertools.product(("POST", "PUT", "DELETE", "GET"), paths(running), FOREIGN)
        if not is_public("GET", path)
    ]
    for ask, answer in ask_all(running, asks):
        assert answer.status == 403, ask
        assert "access-control-allow-origin" not in answer.headers


def test_a_route_that_is_added_later_is_guarded_too(running: FastAPI, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("a treasure")
    running.add_api_route("/forgotten", lambda: "a treasure")
    running.mount("/files", StaticFiles(directory=tmp_path))
    running.mount("/inner", PlainTextResponse("a treasure"))
    token = {"Authorization": f"Bearer {ensure_token().value}"}
    for path in ("/forgotten", "/files/file.txt", "/inner/more"):
        ((_, refused), (_, given)) = ask_all(running, [Ask("GET", path, {}), Ask("GET", path, token)])
        assert refused.status == 401
        assert "treasure" not in refused.text
        assert "treasure" in given.text


def test_no_stream_over_another_protocol(stranger: TestClient) -> None:
    for path in ("/", "/api/events", "/docs"):
        with pytest.raises(WebSocketDisconnect), stranger.websocket_connect(path):
            pass


def test_every_answer_says_what_a_browser_may_do_with_it(running: FastAPI) -> None:
    token = {"Authorization": f"Bearer {ensure_token().value}"}
    asks = [
        Ask(method, path, headers)
        for method, path, headers in itertools.product(("GET", "POST"), paths(running), ({}, token))
        if not path.endswith("/events")  # streams that do not end
    ]
    for ask, answer in ask_all(running, asks):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, ask
        assert "default-src 'none'" in policy, ask
        assert "unsafe" not in policy or "sandbox" in policy, ask
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-request-id"]
        assert answer.status < 500, (ask, answer)
