"""Live events over HTTP: where a stream begins, what it refuses, and how it says that it is over."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

DRAW = {"kind": "generate", "payload": {"task": "cad", "train": 8}}


def submit(client: TestClient) -> str:
    id: str = client.post("/api/jobs", json=DRAW).json()["id"]
    return id


def told(answer: Any) -> list[tuple[int, str]]:
    """(id, kind) of the events of an answer."""
    assert answer.status_code == 200, answer.text
    found = []
    for block in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            found.append((int(fields["id"]), fields["event"]))
    return found


def test_a_job_is_told_from_its_beginning_or_from_where_one_left(client: TestClient) -> None:
    id = submit(client)
    client.post(f"/api/jobs/{id}/pause")
    client.post(f"/api/jobs/{id}/cancel")
    path = f"/api/jobs/{id}/events"
    everything = told(client.get(path))
    assert [kind for _, kind in everything] == ["state", "state", "state", "end"]
    second = everything[1][0]
    assert told(client.get(path, params={"after": second})) == everything[2:]
    assert told(client.get(path, headers={"Last-Event-ID": str(second)})) == everything[2:]
    assert told(client.get(path, params={"after": 0}, headers={"Last-Event-ID": str(second)})) == everything[2:]


def test_who_has_heard_all_of_an_ended_job_is_told_not_to_come_back(client: TestClient) -> None:
    id = submit(client)
    client.post(f"/api/jobs/{id}/cancel")
    path = f"/api/jobs/{id}/events"
    last = told(client.get(path))[-1][0]
    assert client.get(path, headers={"Last-Event-ID": str(last)}).status_code == 204
    client.post(f"/api/jobs/{id}/resume")
    again = told(client.get(path, params={"follow": False}, headers={"Last-Event-ID": str(last)}))
    assert [kind for _, kind in again] == ["state"]


def test_all_jobs_are_told_of_from_where_one_asks(client: TestClient) -> None:
    first, _ = submit(client), submit(client)
    client.post(f"/api/jobs/{first}/pause")
    everything = told(client.get("/api/events", params={"after": 0, "follow": False}))
    assert [kind for _, kind in everything] == ["state"] * 3
    assert told(client.get("/api/events", params={"follow": False})) == []
    assert told(client.get("/api/events", params={"after": 0, "follow": False, "kind": ["log", "metric"]})) == []
    since = {"Last-Event-ID": str(everything[0][0])}
    assert told(client.get("/api/events", params={"follow": False}, headers=since)) == everything[1:]


def test_the_place_to_go_on_from_is_told_before_anything_happens(client: TestClient) -> None:
    submit(client)
    answer = client.get("/api/events", params={"follow": False})
    assert answer.text.startswith("id: 1\nretry: ")


@pytest.mark.parametrize(
    ("params", "headers"),
    [
        ({"after": "x"}, {}),
        ({"after": "-1"}, {}),
        ({"after": str(2**63)}, {}),
        ({}, {"Last-Event-ID": "x"}),
        ({}, {"Last-Event-ID": b"1\x85x"}),
        ({}, {"Last-Event-ID": str(2**70)}),
        ({"kind": ["log"] * 20}, {}),
    ],
)
def test_a_place_that_cannot_be_is_refused(client: TestClient, params: dict[str, Any], headers: Any) -> None:
    for path in ("/api/events", f"/api/jobs/{submit(client)}/events"):
        answer = client.get(path, params={"follow": False, **params}, headers=headers)
        assert answer.status_code == 422, path
        assert answer.json()["remedy"]


def test_a_stream_needs_the_token(client: TestClient) -> None:
    id = submit(client)
    for path in ("/api/events", f"/api/jobs/{id}/events"):
        assert (
            client.get(path, params={"follow": False}, headers={"Authorization": "Bearer no"}).status_code == 401
        )
