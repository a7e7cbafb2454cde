"""POST /api/reconstruct and /api/summarize: real pictures and documents, real models, and what is no picture."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any

import httpx2
import PIL.Image
import psutil
import pytest

from answering_service import Running, add_model, own_home, served, wait_until
from small_models import save_reader

JSON = {"Content-Type": "application/json"}
VIEWS = ("front", "top", "right")
PLATE = "+ z 0 10\np 0 0\nl 64 0\nl 64 40\nl 0 40"


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    """A plate of 64 x 40 x 10 mm as `redraft cad draw` draws it, its scale stated."""
    from redraft.tasks.cad.dialects import read_program
    from redraft.tasks.cad.kernel.pool import KernelPool
    from redraft.tasks.cad.program.codec import to_data

    program = read_program(f"compact 1 grid 64 size 64 40 10\n{PLATE}", "compact")[0]
    with KernelPool(workers=1) as pool:
        drawn = pool.call("views", {"program": to_data(program)})
    return {image["path"].removesuffix(".png"): image["bytes"] for image in drawn.value["images"]}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("home")
    with own_home(home):
        add_model(home)
        add_model(home, "reader", save=save_reader)
        with served() as running:
            yield running


def as_files(pictures: dict[str, bytes]) -> dict[str, Any]:
    return {name: (f"../../{name}.png", data, "image/png") for name, data in pictures.items()}


def as_json(pictures: dict[str, bytes], **more: Any) -> dict[str, Any]:
    return {name: base64.b64encode(data).decode() for name, data in pictures.items()} | more


def test_three_views_become_a_solid_with_files_to_fetch(service: Running, pictures: dict[str, bytes]) -> None:
    answer = service.http.post("/api/reconstruct", files=as_files(pictures), data={"fast": "true"})
    assert answer.status_code == 200, answer.text
    value = answer.json()
    assert (value["valid"], value["reason"], value["size_source"]) == (True, "ok", "drawing")
    assert value["bbox_mm"] == pytest.approx([64, 40, 10], abs=0.5)
    assert value["program"].startswith("+")
    assert (value["samples"], value["model"]) == (1, "default/cad")
    files = {file["name"]: file for file in value["files"]}
    assert {"part.step", "part.glb", "part.stl", "part.drawing.png", "part.compact.txt"} <= set(files)
    assert str(service.home) not in answer.text
    begins = {"part.step": b"ISO-10303-21;", "part.glb": b"glTF", "part.stl": b"binary STL"}
    for name, file in files.items():
        fetched = service.http.get(file["url"])
        assert fetched.status_code == 200
        assert len(fetched.content) == file["bytes"]
        assert fetched.headers["content-type"] == file["type"]
        assert fetched.content.startswith(begins.get(name, b""))
        assert "attachment" in fetched.headers["content-disposition"]


def test_json_with_pictures_in_base64_and_a_given_size(service: Running, pictures: dict[str, bytes]) -> None:
    answer = service.http.post("/api/reconstruct", json=as_json(pictures, size=[128, 80, 20], samples=2))
    assert answer.status_code == 200, answer.text
    value = answer.json()
    assert (value["size_source"], value["samples"]) == ("given", 2)
    assert value["bbox_mm"] == pytest.approx([128, 80, 20], abs=1)
    form = service.http.post(
        "/api/reconstruct", files=as_files(pictures), data={"size": "128,80,20", "samples": "2"}
    )
    assert form.json()["bbox_mm"] == value["bbox_mm"]


def test_one_sheet_does_as_well(service: Running, pictures: dict[str, bytes]) -> None:
    views = {name: PIL.Image.open(io.BytesIO(data)).convert("L") for name, data in pictures.items()}
    side = views["front"].width
    sheet = PIL.Image.new("L", (2 * side, 2 * side), 255)
    for name, at in {"front": (0, side), "top": (0, 0), "right": (side, side)}.items():
        sheet.paste(views[name], at)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    answer = service.http.post("/api/reconstruct", json=as_json({"sheet": file.getvalue()}, fast=True))
    assert answer.status_code == 200, answer.text
    assert answer.json()["size_source"] == "assumed"
    assert answer.json()["valid"]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes that says it has side x side pixels of 64 bits."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1_000_000), 9)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"hello", "not a picture"),
        (bomb(60_000), "too many pixels"),
        (bomb(8_000), "million pixels"),
        (bomb(7_000), "broken or cut off"),
        (b"\x89PNG\r\n\x1a\n", "not a picture"),
    ],
    ids=["text", "bomb", "too large", "cut", "head"],
)
def test_what_is_no_picture_is_refused_by_its_view(
    service: Running, pictures: dict[str, bytes], data: bytes, said: str
) -> None:
    answer = service.http.post("/api/reconstruct", json=as_json({**pictures, "top": data}))
    assert answer.status_code == 422
    problem = answer.json()
    assert said in problem["detail"]
    assert problem["where"] == "top"
    assert problem["remedy"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "request_",
    [
        {}, {"front": ""}, {"front": "%%%"}, {"size": [1, 2]}, {"size": [0, 1, 1]}, {"scale": -1}, {"samples": 99},
        {"unknown": 1}, {"size": [1, 1, 1], "scale": 1.0}, [], "text", None,
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_request_is_a_problem(service: Running, pictures: dict[str, bytes], request_: Any) -> None:
    body = as_json(pictures) | request_ if isinstance(request_, dict) and request_ else request_
    answer = service.http.post("/api/reconstruct", content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


def test_views_that_disagree_are_told_without_a_path(service: Running, pictures: dict[str, bytes]) -> None:
    picture = PIL.Image.open(io.BytesIO(pictures["top"]))
    file = io.BytesIO()
    picture.resize((picture.width, picture.height // 2)).save(file, "PNG")
    answer = service.http.post("/api/reconstruct", json=as_json({**pictures, "top": file.getvalue()}))
    assert answer.status_code == 422
    assert str(service.home) not in answer.text
    assert "answers/" not in answer.text


@pytest.mark.parametrize("model", ["/etc", "../..", "http://127.0.0.1:9/v1#m", "nothing", "default/none"])
def test_a_model_is_named_by_its_id_alone(service: Running, pictures: dict[str, bytes], model: str) -> None:
    answer = service.http.post("/api/reconstruct", json=as_json(pictures, model=model))
    assert answer.status_code == 404
    assert "no model" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["answer-" + "0" * 26 + "/part.step", "answer-x/part.step", "../reconstruct/part.step", "%2e%2e/%2e%2e/token"],
)
def test_no_other_file_is_given_out(service: Running, path: str) -> None:
    answer = service.http.get(f"/api/reconstruct/{path}")
    assert answer.status_code in (404, 405, 422)
    assert service.token not in answer.text


def test_what_was_sent_is_not_given_out_and_a_failed_answer_leaves_nothing(
    service: Running, pictures: dict[str, bytes]
) -> None:
    answer = service.http.post("/api/reconstruct", json=as_json(pictures, fast=True))
    id = answer.json()["id"]
    assert (service.home / "answers" / id / "given" / "front.given").is_file()
    for name in ("given", "given/front.given", "front.given", "part.step/x", "..%2fpart.step"):
        assert service.http.get(f"/api/reconstruct/{id}/{name}").status_code in (404, 422)
    before = set((service.home / "answers").iterdir())
    assert service.http.post("/api/reconstruct", json=as_json({**pictures, "top": b"x"})).status_code == 422
    assert set((service.home / "answers").iterdir()) == before


def test_old_files_are_removed(service: Running, pictures: dict[str, bytes]) -> None:
    file = service.http.post("/api/reconstruct", json=as_json(pictures, fast=True)).json()["files"][0]
    folder = next(path for path in (service.home / "answers").iterdir() if path.name in file["url"])
    os.utime(folder, (time.time() - 100_000, time.time() - 100_000))
    service.http.post("/api/reconstruct", json=as_json(pictures, fast=True))
    gone = service.http.get(file["url"])
    assert gone.status_code == 404
    assert "ask for the answer again" in gone.json()["remedy"]


def test_a_text_and_a_document_are_summarised(service: Running) -> None:
    text = "# Ferry\n\nThe ferry 22 is late by 20 minutes because of frost."
    asked = {"model": "reader", "max_new_tokens": 5}
    answer = service.http.post("/api/summarize", json={"text": text, **asked})
    assert answer.status_code == 200, answer.text
    value = answer.json()
    assert (value["model"], value["finish"], value["summary_tokens"]) == ("reader", "length", 5)
    assert (value["pages"], value["complete"], value["document"]) == (1, True, "document")
    assert value["summary"]
    files = {"document": ("../../notice.md", text.encode(), "text/markdown")}
    form = service.http.post("/api/summarize", files=files, data={key: str(value) for key, value in asked.items()})
    assert form.status_code == 200, form.text
    assert form.json()["document"] == "notice.md"
    assert not any(service.home.rglob("answers/*/given/document*")), "what was sent is removed at once"


def test_without_a_model_of_the_task_it_says_how_to_get_one(service: Running) -> None:
    answer = service.http.post("/api/summarize", json={"text": "The ferry is late."})
    assert answer.status_code == 404
    assert "no model for the task 'summary'" in answer.json()["detail"]
    assert "redraft demo" in answer.json()["remedy"]


def test_a_model_that_cannot_see_a_page_says_so(service: Running) -> None:
    answer = service.http.post("/api/summarize", json={"text": "The ferry is late.", "model": "small"})
    assert answer.status_code == 422
    assert answer.json()["remedy"]


@pytest.mark.parametrize(
    ("document", "said"),
    [(b"%PDF-1.4 broken", "not a whole PDF"), (b"PK\x03\x04zip", "ZIP"), (b"", ""), (b"\x89PNG123", "picture")],
)
def test_what_is_no_document_is_refused(service: Running, document: bytes, said: str) -> None:
    files = {"document": ("../report.pdf", document, "application/pdf")}
    answer = service.http.post("/api/summarize", files=files, data={"model": "small"})
    assert answer.status_code == 422, answer.text
    assert said in answer.json()["detail"]
    assert str(service.home) not in answer.text
    assert not any("document" in path.name for path in service.home.rglob("answers/*/given/*"))


@pytest.mark.parametrize("body", [{}, {"text": "a", "document": "YQ=="}, {"document": "%"}, {"text": "a", "x": 1}])
def test_a_wrong_request_to_summarise_is_a_problem(service: Running, body: dict[str, Any]) -> None:
    answer = service.http.post("/api/summarize", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


@pytest.mark.slow  # the same as of a chat, which every run tests; it loads everything a second time
def test_a_kill_in_the_middle_is_a_503_and_the_next_request_works(
    service: Running, pictures: dict[str, bytes]
) -> None:
    answers: list[httpx2.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(service.http.post("/api/reconstruct", json=as_json(pictures, samples=32)))
    )
    pid = service.started()["pid"]
    asking.start()
    wait_until(lambda: service.process()["busy"] == 1)
    psutil.Process(pid).kill()
    asking.join(60)
    (answer,) = answers
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "was lost in the middle" in answer.json()["detail"]
    assert service.http.post("/api/reconstruct", json=as_json(pictures, fast=True)).json()["valid"]


def test_who_hangs_up_ends_the_work(service: Running, pictures: dict[str, bytes]) -> None:
    answers = service.home / "answers"
    service.started()
    with pytest.raises(httpx2.ReadTimeout):
        service.http.post("/api/reconstruct", json=as_json(pictures, samples=32), timeout=0.3)
    wait_until(lambda: service.process()["busy"] == 0, 30)
    wait_until(lambda: all((path / "part.step").exists() for path in answers.iterdir()), 30)
