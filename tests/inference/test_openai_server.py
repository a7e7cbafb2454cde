"""Against a real HTTP server on this machine that speaks the chat completions protocol."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from plate_task import PlateTask

from redraft.core.errors import InputError, UsageError
from redraft.core.example import message
from redraft.core.recipe import Evaluate
from redraft.core.work import Silent
from redraft.inference.evaluation import evaluate
from redraft.inference.openai_server import OpenAIServer
from redraft.inference.opening import open_predictor


class Chat(BaseHTTPRequestHandler):
    """Knows the true answer of every first picture; answers "20 20 20 5" above temperature 0."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers, request))
        if self.server.behaviour != "answer":
            return self._misbehave()
        parts = request["messages"][-1]["content"]
        pictures = [p["image_url"]["url"].partition("base64,")[2] for p in parts if p["type"] == "image_url"]
        text = self.server.answers[base64.b64decode(pictures[0])] if request["temperature"] == 0 else "20 20 20 5"
        words = text.split()
        cut = len(words) > request["max_tokens"]
        return self._send(
            200,
            {
                "choices": [
                    {
                        "message": {"role": "assistant", "content": " ".join(words[: request["max_tokens"]])},
                        "finish_reason": "length" if cut else "stop",
                        "logprobs": {"content": [{"token": word, "logprob": -0.25} for word in words]},
                    }
                ],
                "usage": {"completion_tokens": len(words)},
            },
        )

    def _misbehave(self):
        if self.server.behaviour == "refuse":
            return self._send(404, {"error": {"message": "the model `x` does not exist"}})
        if self.server.behaviour == "redirect":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/stolen")
            self.end_headers()
            return None
        return self._send(200, {"hello": "world"} if self.server.behaviour == "other" else None)

    def _send(self, code, data):
        body = json.dumps(data).encode() if data is not None else b"<html>"
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        return None


@pytest.fixture
def server(plates):
    found = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    found.examples = list(plates.generate(6, 2, {}, None))
    found.answers = {example.images[0].bytes: example.answer for example in found.examples}
    found.seen, found.behaviour = [], "answer"
    found.url = f"http://127.0.0.1:{found.server_address[1]}/v1"
    thread = threading.Thread(target=found.serve_forever, args=(0.02,))
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def test_answers_come_back_in_order_with_all_pictures_sent(server):
    predictor = open_predictor(f"{server.url}#parts", max_new_tokens=64)
    rows = predictor.predict(server.examples)
    assert [row[0].text for row in rows] == [example.answer for example in server.examples]
    assert [row[0].id for row in rows] == [example.id for example in server.examples]
    assert (rows[0][0].finish, rows[0][0].tokens, rows[0][0].logprob) == ("stop", 4, -0.25)
    path, _, request = server.seen[0]
    assert (path, request["model"], request["max_tokens"]) == ("/v1/chat/completions", "parts", 64)
    kinds = [part["type"] for part in request["messages"][0]["content"]]
    assert kinds == ["image_url"] * 3 + ["text"]
    assert len(request["messages"]) == 1  # the true answer is never sent
    sent = {
        base64.b64decode(p["image_url"]["url"].partition(",")[2]) for p in request["messages"][0]["content"][:3]
    }
    assert sent in [{image.bytes for image in example.images} for example in server.examples]


def test_only_samples_beyond_the_first_are_drawn(server):
    rows = OpenAIServer(server.url, "parts").predict(server.examples[:2], samples=3)
    assert [row[0].text for row in rows] == [example.answer for example in server.examples[:2]]
    assert {answer.text for row in rows for answer in row[1:]} == {"20 20 20 5"}
    temperatures = sorted(request["temperature"] for _, _, request in server.seen)
    assert temperatures == [0.0, 0.0, 0.7, 0.7, 0.7, 0.7]


def test_a_cut_answer_is_known_as_one(server):
    predictor = OpenAIServer(server.url, "parts", Evaluate(max_new_tokens=2))
    answer = predictor.predict(server.examples[:1])[0][0]
    assert (answer.finish, len(answer.text.split())) == ("length", 2)


def test_a_system_message_keeps_its_place(server):
    from dataclasses import replace

    example = replace(server.examples[0], messages=(message("system", "Be exact."), *server.examples[0].messages))
    OpenAIServer(server.url, "parts").predict([example])
    roles = [sent["role"] for sent in server.seen[0][2]["messages"]]
    assert roles == ["system", "user"]


def test_a_served_model_is_evaluated_like_a_local_one(server):
    predictor = OpenAIServer(server.url, "parts")
    found = evaluate(predictor, PlateTask(), server.examples, Evaluate(split="test"), Silent())
    assert (found["mean"], found["valid"], found["loss"]) == (1.0, 1.0, None)


def test_the_key_goes_to_the_server_and_nowhere_else(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sesame")
    OpenAIServer(server.url, "parts").predict(server.examples[:1])
    assert server.seen[0][1]["Authorization"] == "Bearer sesame"
    server.behaviour = "redirect"
    with pytest.raises(InputError, match="302"):
        OpenAIServer(server.url, "parts").predict(server.examples[:1])


@pytest.mark.parametrize(
    ("behaviour", "said"), [("refuse", "does not exist"), ("other", "no chat completion"), ("html", "no answer")]
)
def test_what_a_server_does_wrong_is_said(server, behaviour, said):
    server.behaviour = behaviour
    with pytest.raises(InputError, match=said):
        OpenAIServer(server.url, "parts").predict(server.examples[:1])


def test_a_server_that_is_not_there(plates):
    examples = list(plates.generate(1, 0, {}, None))
    with pytest.raises(InputError, match="no answer"):
        OpenAIServer("http://127.0.0.1:9/v1", "parts", timeout=2).predict(examples)


def test_a_name_without_a_model_is_a_usage_error():
    with pytest.raises(UsageError, match="http://host:port/v1#model"):
        OpenAIServer.from_name("http://127.0.0.1:9/v1")


def test_a_servers_answer_that_loops_is_cut_afterwards(server):
    asked = server.examples[:2]
    looping, plain = asked
    server.answers[looping.images[0].bytes] = "ten five " + "and so on " * 60
    free, stopped = (
        OpenAIServer(server.url, "m", Evaluate(max_new_tokens=400, loop_stop=stop)).predict(asked)
        for stop in (None, 24)
    )
    assert (free[0][0].finish, stopped[0][0].finish) == ("stop", "loop")
    assert stopped[0][0].text == "ten five and so on" and stopped[0][0].tokens == free[0][0].tokens
    assert (stopped[1][0].text, stopped[1][0].finish) == (plain.answer, "stop") == (free[1][0].text, "stop")
