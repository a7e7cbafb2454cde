"""The service says that it answers."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient


def test_health_answers(client: TestClient) -> None:
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert client.head("/api/health").status_code == 200


def test_static_files_are_asked_for_again_only_when_they_changed(client: TestClient) -> None:
    first = client.get("/static/redraft.css")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/static/redraft.css", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert client.get("/api/jobs").headers["cache-control"] == "no-store"


def test_the_page_of_the_api_shows_every_operation_and_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    for path, item in client.get("/openapi.json").json()["paths"].items():
        assert path in page
        assert all(method in page for method in item)
    assert "<style" not in page
    assert not re.search(r"<script(?! type=\"module\" src=\"/static/)", page)
    assert not re.search(r"\s(?:on\w+|style)=", page)
    assert not re.search(r"(?:src|href)=\"(?!/|#)", page)
