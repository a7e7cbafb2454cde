"""The service says that it answers."""

from __future__ import annotations

from fastapi.testclient import TestClient


def test_health_answers(client: TestClient) -> None:
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
