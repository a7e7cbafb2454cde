"""Answers from any server that speaks the OpenAI chat completions protocol (vLLM, llama.cpp, SGLang and others).

A model is named `http://host:port/v1#model`. Images go as data URIs inside the messages. The key, where the server
wants one, comes from the environment variable OPENAI_API_KEY and is sent to that server alone: redirects are
refused.
"""

from __future__ import annotations

import base64
import json
import math
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from redraft.core.errors import InputError, UsageError
from redraft.core.example import Example, Image
from redraft.core.prediction import Prediction
from redraft.core.recipe import Evaluate
from redraft.inference.loops import find_loop, pieces

TIMEOUT = 600.0
"""Seconds until an answer must have come."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        return None


class OpenAIServer:
    """A predictor on a server. Up to batch_size requests are under way at once.

    The server draws the samples beyond the first with its own random numbers, from the seed that is sent along.
    """

    def __init__(
        self,
        url: str,
        model: str,
        settings: Evaluate | None = None,
        *,
        temperature: float = 0.7,
        seed: int = 0,
        timeout: float = TIMEOUT,
    ) -> None:
        if not url.startswith(("http://", "https://")) or not model:
            raise UsageError(
                "this is not the name of a model on a server",
                where=f"{url}#{model}",
                remedy="Write http://host:port/v1#model",
            )
        self.url, self.model, self.name = url.rstrip("/"), model, f"{model} on {url}"
        self.settings = settings or Evaluate()
        self.temperature, self.seed, self.timeout = temperature, seed, timeout
        self._open = urllib.request.build_opener(_NoRedirect).open

    @classmethod
    def from_name(cls, name: str, **settings: Any) -> OpenAIServer:
        """The server and model of `http://host:port/v1#model`."""
        url, _, model = name.partition("#")
        return cls(url, model, **settings)

    def predict(self, examples: Sequence[Example], *, samples: int = 1) -> list[list[Prediction]]:
        """samples answers an example, the first at temperature 0.

        An answer that loops is cut behind the repeated piece when it is there: the server cannot be told to stop.
        A server that cannot be reached, refuses or answers something else is an InputError with its own words.
        """
        jobs = [(example, sample) for example in examples for sample in range(samples)]
        with ThreadPoolExecutor(max_workers=self.settings.batch_size) as pool:
            answers = iter(list(pool.map(lambda job: self._ask(*job), jobs)))
        rows = [[next(answers) for _ in range(samples)] for _ in examples]
        return [[row[0], *sorted(row[1:], key=likeliest)] for row in rows]

    def _ask(self, example: Example, sample: int) -> Prediction:
        request = {
            "model": self.model,
            "messages": chat(example),
            "max_tokens": self.settings.max_new_tokens,
            "temperature": 0.0 if sample == 0 else self.temperature,
            "seed": self.seed + sample,
            "logprobs": True,
        }
        started = time.perf_counter()
        answer = self._post("/chat/completions", request)
        try:
            choice = answer["choices"][0]
            text = choice["message"]["content"] or ""
            finish: Literal["stop", "length"] = "length" if choice.get("finish_reason") == "length" else "stop"
            rated = (choice.get("logprobs") or {}).get("content") or []
            logprob = math.fsum(token["logprob"] for token in rated) / len(rated) if rated else None
            written = [str(token.get("token", "")) for token in rated]
            tokens = int((answer.get("usage") or {}).get("completion_tokens") or len(rated))
        except (KeyError, IndexError, TypeError, ValueError):
            raise InputError(
                "the server's answer is no chat completion",
                where=self.url,
                remedy="Give the address that ends where /chat/completions begins, such as http://host:port/v1",
            ) from None
        seconds = time.perf_counter() - started
        if self.settings.loop_stop is not None:
            parts = written if "".join(written) == text else pieces(text)
            loop = find_loop(parts, self.settings.loop_stop)
            if loop is not None:
                text = "".join(parts[: loop.kept]).strip()
                return Prediction(example.id, text, "loop", tokens, seconds, logprob)
        return Prediction(example.id, text, finish, tokens, seconds, logprob)

    def _post(self, path: str, data: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        key = os.environ.get("OPENAI_API_KEY")
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.url + path, json.dumps(data).encode(), headers)
        try:
            with self._open(request, timeout=self.timeout) as response:
                answer = json.loads(response.read())
        except urllib.error.HTTPError as error:
            said = " ".join(error.read(2_000).decode(errors="replace").split())[:300]
            raise InputError(
                f"the server refused with {error.code} ({said or error.reason})",
                where=self.url,
                remedy="Check the address, the model's name and OPENAI_API_KEY",
            ) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise InputError(
                f"the server gives no answer ({reason})",
                where=self.url,
                remedy="Check that it runs at this address",
            ) from None
        if not isinstance(answer, dict):
            answer = {}
        return answer


def likeliest(answer: Prediction) -> float:
    """Sorts drawn answers by falling mean log-probability; unknown ones keep their order at the end."""
    return -answer.logprob if answer.logprob is not None else math.inf


def chat(example: Example) -> list[dict[str, Any]]:
    """The example's prompt in the protocol's form, with its images as data URIs at their places."""
    images = iter(example.images)
    return [
        {
            "role": message.role,
            "content": [
                {"type": "image_url", "image_url": {"url": _data_uri(next(images))}}
                if part.type == "image"
                else {"type": "text", "text": part.text or ""}
                for part in message.content
            ],
        }
        for message in example.prompt
    ]


def _data_uri(image: Image) -> str:
    kind = "jpeg" if image.bytes[:2] == b"\xff\xd8" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(image.bytes).decode()}"
