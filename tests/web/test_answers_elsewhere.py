"""Another server in the place of the answering process: a second redraft, asked by its address and token."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient

from answering_service import Running, add_model, own_home, served
from redraft.state.access.token import ensure_token
from redraft.web.app import create_app
from redraft.web.settings import Settings

ASKED: list[Any] = [{"role": "user", "content": "tell 1 2 3"}]


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server that answers: a whole service with a small model, and its own process."""
    home = tmp_path_factory.mktemp("far")
    with own_home(home):
        add_model(home)
        with served() as running:
            yield running


@contextmanager
def near(folder: Path, address: str, key: str) -> Iterator[Running]:
    """A service that has no models of its own to answer with."""
    with own_home(folder, REDRAFT_ANSWERS=address, REDRAFT_ANSWERS_KEY=key), served() as running:
        yield running


def test_the_other_servers_models_answer_here(far: Running, tmp_path: Path) -> None:
    (own,) = [model.id for model in far.openai.models.list() if model.id.startswith("model-")]
    wanted: dict[str, Any] = {"model": own, "messages": ASKED, "max_tokens": 20, "logprobs": True}
    there = far.openai.chat.completions.create(**wanted)
    with near(tmp_path / "near", f"{far.url}/v1", far.token) as service:
        assert own in {model.id for model in service.openai.models.list()}
        here = service.openai.chat.completions.create(**wanted)
        assert here.choices == there.choices
        assert here.usage == there.usage
        pieces = service.openai.chat.completions.create(**wanted, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in pieces)
        assert text == there.choices[0].message.content
        with pytest.raises(openai.NotFoundError, match="no model of that name"):
            service.openai.chat.completions.create(**{**wanted, "model": "other"})
        url = "http://127.0.0.1:9/x.png"
        with pytest.raises(openai.UnprocessableEntityError, match="addresses are not fetched"):
            content: Any = [{"type": "image_url", "image_url": {"url": url}}]
            service.openai.chat.completions.create(model=own, messages=[{"role": "user", "content": content}])
        with pytest.raises(openai.UnprocessableEntityError, match="leave no room"):
            service.openai.chat.completions.create(model=own, messages=[{"role": "user", "content": "1 " * 1100}])


@pytest.mark.slow  # it starts a third process that loads torch
def test_a_tasks_question_goes_to_the_other_server_too(far: Running, tmp_path: Path) -> None:
    with near(tmp_path / "near", f"{far.url}/v1", far.token) as service:
        answer = service.http.post(
            "/api/summarize",
            json={"text": "The ferry 22 is late by 20 minutes.", "model": "small", "max_new_tokens": 8},
        )
        assert answer.status_code == 404, "it goes by the names that the other server lists"
        (own,) = [model.id for model in far.openai.models.list() if model.id.startswith("model-")]
        request = {"text": "The ferry 22 is late.", "model": own, "max_new_tokens": 8}
        answer = service.http.post("/api/summarize", json=request)
        assert answer.status_code == 200, answer.text
        assert answer.json()["model"] == own
        assert answer.json()["finish"] == "length"
        assert service.process()["loads"] == 0, "no model was loaded here"
        assert far.process()["loads"] == 1


def test_a_wrong_key_is_the_operators_fault(far: Running, tmp_path: Path) -> None:
    with near(tmp_path / "near", f"{far.url}/v1", "wrong") as service:
        answer = service.http.get("/v1/models")
        assert answer.status_code == 503
        assert far.url not in answer.text
        assert "wrong" not in answer.text


class Odd(http.server.BaseHTTPRequestHandler):
    """A server that lists a model and answers chats in ways that no server should."""

    answers: tuple[int, str, bytes] = (200, "application/json", b"[]")

    def do_GET(self) -> None:
        self._say(200, "application/json", json.dumps({"data": [{"id": "m", "object": "model"}]}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(*self.answers)

    def _say(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        return None


@pytest.mark.parametrize(
    ("status", "kind", "body", "expected"),
    [
        (200, "application/json", b"not json", 503),
        (200, "application/json", b"[]", 503),
        (500, "text/plain", b"Traceback: secret", 503),
        (307, "text/plain", b"", 503),
        (401, "application/json", b'{"error": {"message": "who?"}}', 503),
        (429, "application/json", b'{"error": {"message": "slow down"}}', 503),
        (400, "application/json", b'{"error": {"message": "bad thing"}}', 422),
    ],
)
def test_whatever_the_other_server_says_is_one_clear_answer(
    status: int, kind: str, body: bytes, expected: int, tmp_path: Path
) -> None:
    Odd.answers = (status, kind, body)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with own_home(tmp_path / "home", REDRAFT_ANSWERS=f"http://127.0.0.1:{server.server_port}/v1"):
            headers = {"Authorization": f"Bearer {ensure_token().value}"}
            app = create_app(Settings(worker=False))
            with TestClient(app, base_url="http://127.0.0.1:7001", headers=headers) as client:
                answer = client.post("/v1/chat/completions", json={"model": "m", "messages": ASKED})
                assert answer.status_code == expected, answer.text
                error = answer.json()["error"]
                assert error["message"]
                assert "Traceback" not in answer.text
                assert str(server.server_port) not in answer.text
                streamed = client.post(
                    "/v1/chat/completions", json={"model": "m", "messages": ASKED, "stream": True}
                )
                assert streamed.status_code == expected
    finally:
        server.shutdown()
        server.server_close()


def test_a_stream_that_breaks_off_says_so(tmp_path: Path) -> None:
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    Odd.answers = (200, "text/event-stream", f"data: {json.dumps(chunk)}\n\n".encode())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with near(tmp_path / "near", f"http://127.0.0.1:{server.server_port}/v1", "") as service:
            stream = service.openai.chat.completions.create(model="m", messages=ASKED, stream=True)
            with pytest.raises(openai.APIError, match="gives no answer"):
                list(stream)
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with near(tmp_path / "near", "http://127.0.0.1:9/v1", "") as service:
        with pytest.raises(openai.InternalServerError, match="gives no answer"):
            service.openai.chat.completions.create(model="default/cad", messages=ASKED)
        assert service.http.get("/api/health").status_code == 200
