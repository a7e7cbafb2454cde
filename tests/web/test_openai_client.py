"""The OpenAI client against our /v1: a service on a port, its answering process, and real models."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import PIL.Image
import psutil
import pytest

from answering_service import Running, add_model, data_uri, own_home, served, wait_until

TOLD = [{"role": "user", "content": "tell 1 2 3"}]
LONG: dict[str, Any] = {"model": "small", "messages": TOLD, "max_tokens": 900}


def picture(size: tuple[int, int] = (40, 30), kind: str = "PNG") -> str:
    file = io.BytesIO()
    PIL.Image.new("RGB", size, "white").save(file, kind)
    return data_uri(file.getvalue(), kind.lower())


def asked(text: str, *pictures: str) -> list[Any]:
    images = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    return [{"role": "user", "content": [*images, {"type": "text", "text": text}]}]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("home")
    with own_home(home, REDRAFT_MODEL_ALIASES="gpt-4o=small"):
        add_model(home)
        with served() as running:
            yield running


@pytest.fixture(scope="module")
def client(service: Running) -> openai.OpenAI:
    return service.openai


def test_models_are_listed_and_shown_by_their_ids(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert "default/cad" in listed
    (own,) = [model for id, model in listed.items() if id.startswith("model-")]
    assert own.created > 1_700_000_000
    assert client.models.retrieve("default/cad").id == "default/cad"
    assert client.models.retrieve(own.id).id == own.id
    with pytest.raises(openai.NotFoundError, match="no model of that id"):
        client.models.retrieve("nothing")


def test_a_stream_is_the_whole_answer_in_pieces(client: openai.OpenAI) -> None:
    wanted: dict[str, Any] = {**LONG, "max_tokens": 120}
    whole = client.chat.completions.create(**wanted)
    text = whole.choices[0].message.content or ""
    chunks = list(client.chat.completions.create(**wanted, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == text
    assert sum(map(bool, pieces)) > 20, "it came in pieces"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage == whole.usage
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 120


def test_the_pictures_tokens_are_counted(client: openai.OpenAI) -> None:
    def prompt_tokens(*pictures: str) -> int:
        answer = client.chat.completions.create(model="small", messages=asked("what?", *pictures), max_tokens=1)
        assert answer.usage is not None
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
        return answer.usage.prompt_tokens

    none, one, two = prompt_tokens(), prompt_tokens(picture()), prompt_tokens(picture(), picture(kind="JPEG"))
    assert one - none == two - one == 16  # 32 x 32 pixels in patches of 8, as this model has them


def test_length_and_stop_texts_are_obeyed_and_told(client: openai.OpenAI) -> None:
    short = client.chat.completions.create(**{**LONG, "max_tokens": 7})
    assert (short.choices[0].finish_reason, short.usage and short.usage.completion_tokens) == ("length", 7)
    newer = client.chat.completions.create(**{**LONG, "max_tokens": None, "max_completion_tokens": 7})
    assert newer.choices[0].message.content == short.choices[0].message.content
    text = client.chat.completions.create(**{**LONG, "max_tokens": 60}).choices[0].message.content or ""
    stop = text[10:13]
    for given in (stop, [stop, "never written"]):
        cut = client.chat.completions.create(**{**LONG, "max_tokens": 60}, stop=given)
        assert cut.choices[0].finish_reason == "stop"
        assert cut.choices[0].message.content == text[: text.index(stop)].rstrip()
        assert cut.usage is not None
        assert cut.usage.completion_tokens < 60


def test_several_answers_with_a_seed_are_the_same_again_and_differ(client: openai.OpenAI) -> None:
    def texts(seed: int) -> list[str | None]:
        wanted = {**LONG, "max_tokens": 8, "temperature": 1.5, "n": 3, "seed": seed}
        return [choice.message.content for choice in client.chat.completions.create(**wanted).choices]

    first = texts(1)
    assert len(set(first)) > 1
    assert texts(1) == first
    assert texts(2) != first
    unsaid = client.chat.completions.create(**{**LONG, "max_tokens": 8, "n": 4, "seed": 1})
    greedy = client.chat.completions.create(**{**LONG, "max_tokens": 8, "temperature": 0, "n": 2})
    assert unsaid.choices[0].message.content == greedy.choices[0].message.content
    assert len({choice.message.content for choice in greedy.choices}) == 1
    narrow = client.chat.completions.create(**{**LONG, "max_tokens": 8, "temperature": 1.5, "top_p": 1e-6})
    assert narrow.choices[0].message.content == greedy.choices[0].message.content


def test_each_token_is_rated_where_that_is_wanted(client: openai.OpenAI) -> None:
    choice = client.chat.completions.create(**{**LONG, "max_tokens": 9}, logprobs=True).choices[0]
    assert choice.logprobs is not None
    rated = choice.logprobs.content or []
    assert len(rated) == 9
    assert all(token.logprob < 0 for token in rated)


def test_requests_at_the_same_moment_share_a_batch_and_one_loaded_model(service: Running) -> None:
    before = service.started()
    texts: list[str | None] = []
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait()
        answer = service.openai.chat.completions.create(**{**LONG, "max_tokens": 30})
        texts.append(answer.choices[0].message.content)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = service.process()
    assert len(texts) == 4
    assert len(set(texts)) == 1
    assert max(after["batches"][len(before["batches"]) :]) > 1
    assert after["loads"] == before["loads"]


def test_an_alias_and_a_systems_message(client: openai.OpenAI) -> None:
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "1 2"}]
    answer = client.chat.completions.create(model="gpt-4o", messages=messages, max_tokens=3)  # type: ignore[arg-type]
    assert answer.model == "gpt-4o"


ADDRESSES = ("http", "file:///etc/passwd", "/etc/passwd", "data:text/html,x", "data:image/png,x")


@pytest.mark.parametrize("given", ADDRESSES)
def test_an_address_is_never_fetched(client: openai.OpenAI, given: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/picture.png" if given == "http" else given
        with pytest.raises(openai.UnprocessableEntityError, match=r"not fetched|another kind"):
            client.chat.completions.create(model="small", messages=asked("what?", url))
        listening.settimeout(0.3)
        with pytest.raises(TimeoutError):
            listening.accept()


def bomb(side: int) -> bytes:
    """A PNG that is small and says it has side x side pixels."""
    file = io.BytesIO()
    PIL.Image.new("1", (side, side)).save(file, "PNG", optimize=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a readable picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "not a readable picture"),
        (b"GIF89a" + b"\0" * 20, "not a readable picture"),
        (b"%PDF-1.4", "not a readable picture"),
        (bomb(9_000), "9000 x 9000 pixels"),
        (bomb(20_000), "not a readable picture"),
    ],
    ids=["empty", "broken", "gif", "pdf", "too large", "bomb"],
)
def test_a_picture_that_is_none_is_refused_with_its_number(client: openai.OpenAI, data: bytes, said: str) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match=said) as refusal:
        client.chat.completions.create(model="small", messages=asked("what?", picture(), data_uri(data)))
    assert refusal.value.param == "messages: picture 2"
    assert refusal.value.type == "invalid_request_error"


def test_a_wrong_request_is_told_in_openais_form(service: Running) -> None:
    client = service.openai
    with pytest.raises(openai.NotFoundError, match="no model of that name"):
        client.chat.completions.create(model="/etc", messages=asked("x"))
    with pytest.raises(openai.UnprocessableEntityError) as refusal:
        client.chat.completions.create(model="small", messages=asked("x"), tools=[])
    assert refusal.value.param == "body.tools"
    with pytest.raises(openai.UnprocessableEntityError, match="leave no room"):
        client.chat.completions.create(model="small", messages=asked("1 " * 1100))
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{service.url}/v1", api_key="wrong", max_retries=0).models.list()
    answer = service.http.post("/v1/chat/completions", json={**LONG, "temperature": 7})
    assert answer.status_code == 422
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_more_pictures_than_places_are_refused_by_the_model(client: openai.OpenAI) -> None:
    messages = [*asked("first", picture()), {"role": "assistant", "content": "yes"}, *asked("second", picture())]
    assert client.chat.completions.create(model="small", messages=messages, max_tokens=2).choices


def test_who_hangs_up_is_not_answered_any_further(service: Running) -> None:
    for stream in (True, False):
        with httpx2.Client(headers=dict(service.http.headers), trust_env=False) as client:
            before = len(service.started()["batches"])
            try:
                with client.stream(
                    "POST", f"{service.url}/v1/chat/completions", json={**LONG, "stream": stream}, timeout=1.0
                ) as answer:
                    for _ in answer.iter_lines():
                        break
            except httpx2.ReadTimeout:
                pass  # without a stream nothing comes before the end
        wait_until(lambda: service.process()["busy"] == 0, 20)
        assert len(service.process()["batches"]) > before


def test_a_process_that_is_killed_in_mid_answer_costs_that_answer_alone(service: Running) -> None:
    """Of a stream, and of a whole answer that waits behind it."""
    pid = service.started()["pid"]
    failures: list[openai.APIError] = []

    def ask() -> None:
        try:
            service.openai.chat.completions.create(**LONG)
        except openai.APIError as error:
            failures.append(error)

    stream = service.openai.chat.completions.create(**LONG, stream=True)
    next(iter(stream))
    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: service.process()["busy"] == 2)
    psutil.Process(pid).kill()
    with pytest.raises(openai.APIError, match="was lost in the middle"):
        list(stream)
    asking.join(60)
    (failure,) = failures
    assert isinstance(failure, openai.InternalServerError)
    assert failure.status_code == 503
    assert failure.response.headers["Retry-After"]
    assert service.openai.chat.completions.create(**{**LONG, "max_tokens": 3}).choices
    assert service.process()["pid"] != pid
