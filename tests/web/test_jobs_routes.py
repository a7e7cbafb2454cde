"""Jobs by the API: what it takes, what it gives, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from redraft.queue.jobs import Jobs
from redraft.state.tables import State

DRAW = {"kind": "generate", "payload": {"task": "cad", "train": 8, "seed": 1}}


@pytest.fixture
def jobs(client: TestClient) -> Jobs:
    """The queue behind the client."""
    found: Jobs = client.app.state.service.jobs  # type: ignore[attr-defined]
    return found


def submit(client: TestClient, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/jobs", json={**DRAW, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_job_is_submitted_and_read_again(client: TestClient) -> None:
    made = submit(client, title="eight parts", priority=3)
    assert (made["state"], made["kind"], made["title"], made["priority"]) == (
        "queued",
        "generate",
        "eight parts",
        3,
    )
    assert made["output"]["dataset"].startswith("data-")
    assert client.get(f"/api/jobs/{made['id']}").json() == made
    assert [item["id"] for item in client.get("/api/jobs").json()["items"]] == [made["id"]]


def test_the_answer_names_the_place_of_the_new_job(client: TestClient) -> None:
    answer = client.post("/api/jobs", json=DRAW)
    assert answer.headers["location"] == f"/api/jobs/{answer.json()['id']}"


def test_the_same_key_and_request_give_the_same_job(client: TestClient) -> None:
    first, second = (client.post("/api/jobs", json=DRAW, headers={"Idempotency-Key": "a"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len(client.get("/api/jobs").json()["items"]) == 1


def test_the_same_key_with_another_request_is_a_conflict(client: TestClient) -> None:
    client.post("/api/jobs", json=DRAW, headers={"Idempotency-Key": "a"})
    other = {**DRAW, "payload": {**DRAW["payload"], "seed": 2}}  # type: ignore[dict-item]
    answer = client.post("/api/jobs", json=other, headers={"Idempotency-Key": "a"})
    assert answer.status_code == 409
    assert "key" in answer.json()["detail"]
    assert len(client.get("/api/jobs").json()["items"]) == 1


def test_pages_hold_every_job_once_the_newest_first(client: TestClient) -> None:
    ids = [submit(client, title=f"job {number}")["id"] for number in range(7)]
    seen, after = [], None
    while True:
        page = client.get("/api/jobs", params={"limit": 3, **({"after": after} if after else {})}).json()
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ids[::-1]


def test_a_list_is_filtered_by_states_and_kinds(client: TestClient) -> None:
    first, second, third = (submit(client)["id"] for _ in range(3))
    client.post(f"/api/jobs/{first}/pause")
    client.post(f"/api/jobs/{second}/cancel")

    def listed(**wanted: Any) -> list[str]:
        return [item["id"] for item in client.get("/api/jobs", params=wanted).json()["items"]]

    assert listed(state="paused") == [first]
    assert listed(state=["cancelled", "queued"]) == [third, second]
    assert listed(kind="train") == []
    assert listed(kind="generate", state="queued") == [third]
    assert client.get("/api/jobs", params={"state": "asleep"}).status_code == 422
    counted = client.get("/api/jobs/counts").json()
    assert {state: count for state, count in counted.items() if count} == {
        "queued": 1,
        "paused": 1,
        "cancelled": 1,
    }


def test_pause_resume_and_cancel_answer_with_the_job(client: TestClient) -> None:
    id = submit(client)["id"]
    assert client.post(f"/api/jobs/{id}/pause").json()["state"] == "paused"
    assert client.post(f"/api/jobs/{id}/resume").json()["state"] == "queued"
    assert client.post(f"/api/jobs/{id}/cancel").json()["state"] == "cancelled"
    refused = client.post(f"/api/jobs/{id}/pause")
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert "cancelled" in refused.json()["detail"] and refused.json()["remedy"]


def test_a_running_job_is_asked_and_says_so(client: TestClient, jobs: Jobs) -> None:
    id = submit(client)["id"]
    claimed = jobs.claim("worker-1", ["light"], host="here")
    assert claimed is not None and claimed.id == id
    paused = client.post(f"/api/jobs/{id}/pause").json()
    assert (paused["state"], paused["desired_state"], paused["worker"]) == ("running", "pause", "worker-1")
    deleted = client.delete(f"/api/jobs/{id}")
    assert deleted.status_code == 202
    assert (deleted.json()["state"], deleted.json()["desired_state"]) == ("running", "delete")
    assert client.get(f"/api/jobs/{id}").status_code == 200
    jobs.ended(id, claimed.lease_token)
    assert client.get(f"/api/jobs/{id}").status_code == 404


def test_a_deleted_job_is_gone(client: TestClient) -> None:
    id = submit(client)["id"]
    assert client.delete(f"/api/jobs/{id}").json()["id"] == id
    assert client.get(f"/api/jobs/{id}").status_code == 404
    assert client.delete(f"/api/jobs/{id}").status_code == 404


def test_priority_and_title_are_changed_apart(client: TestClient) -> None:
    id = submit(client, title="parts")["id"]
    assert client.patch(f"/api/jobs/{id}", json={"priority": 9}).json()["title"] == "parts"
    changed = client.patch(f"/api/jobs/{id}", json={"title": "many parts"}).json()
    assert (changed["title"], changed["priority"]) == ("many parts", 9)
    assert client.patch(f"/api/jobs/{id}", json={"state": "finished"}).status_code == 422


def test_a_job_waits_for_the_ones_it_needs(client: TestClient) -> None:
    first = submit(client)["id"]
    second = submit(client, needs=[first])
    assert (second["state"], second["needs"]) == ("waiting", [first])


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"kind": "generate", "payload": {"task": "cad", "trian": 8}}, "trian"),
        ({"kind": "generate", "payload": {"task": "cad"}}, ""),
        ({"kind": "dance", "payload": {}}, "kind"),
        ({"kind": "generate", "payload": {"task": "cad", "train": 8}, "priority": 10**6}, "priority"),
        ({"kind": "generate", "payload": {"task": "cad", "train": 8}, "needs": ["../job"]}, "needs"),
        ({"kind": "generate", "payload": []}, "payload"),
        ([], "body"),
    ],
)
def test_a_wrong_request_is_refused_and_nothing_is_queued(client: TestClient, body: Any, where: str) -> None:
    answer = client.post("/api/jobs", json=body)
    assert answer.status_code == 422
    assert where in answer.json()["where"]
    assert answer.json()["remedy"]
    assert client.get("/api/jobs").json()["items"] == []


def test_an_unknown_task_or_need_is_not_found(client: TestClient) -> None:
    unknown = {"kind": "generate", "payload": {"task": "music", "train": 8}}
    assert client.post("/api/jobs", json=unknown).status_code == 404
    missing = {**DRAW, "needs": ["job-00000000000000000000000000"]}
    assert client.post("/api/jobs", json=missing).status_code == 404
    assert client.get("/api/jobs").json()["items"] == []


def test_a_job_that_is_not_there(client: TestClient) -> None:
    id = "job-00000000000000000000000000"
    for method, path in (
        ("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/cancel"),
        ("GET", "/logs"), ("GET", "/events"),
    ):  # fmt: skip
        answer = client.request(method, f"/api/jobs/{id}{path}")
        assert answer.status_code == 404, (method, path)
        assert answer.json()["remedy"]


def test_the_log_of_a_job_by_parts_and_from_its_end(client: TestClient, jobs: Jobs) -> None:
    id = submit(client)["id"]
    claimed = jobs.claim("worker-1", ["light"], host="here")
    assert claimed is not None
    said = [("log", {"message": f"line {number}", "level": "info"}) for number in range(10)]
    jobs.record(id, claimed.lease_token, said)
    first = client.get(f"/api/jobs/{id}/logs", params={"limit": 4}).json()
    assert [line["message"] for line in first["items"]] == [f"line {number}" for number in range(4)]
    assert first["more"]
    rest = client.get(f"/api/jobs/{id}/logs", params={"after": first["next"]}).json()
    assert [line["message"] for line in rest["items"]] == [f"line {number}" for number in range(4, 10)]
    assert not rest["more"]
    last = client.get(f"/api/jobs/{id}/logs", params={"limit": 2, "tail": True}).json()
    assert [line["message"] for line in last["items"]] == ["line 8", "line 9"]
    jobs.record(id, claimed.lease_token, [("log", {"message": "later", "level": "warning"})])
    later = client.get(f"/api/jobs/{id}/logs", params={"after": rest["next"]}).json()
    assert [(line["level"], line["message"]) for line in later["items"]] == [("warning", "later")]


def test_no_path_of_this_machine_is_shown(client: TestClient, jobs: Jobs, state_folder: Any) -> None:
    id = submit(client)["id"]
    claimed = jobs.claim("worker-1", ["light"], host="here")
    assert claimed is not None
    where = f"{state_folder}/datasets/data-1"
    jobs.record(id, claimed.lease_token, [("log", {"message": f"wrote {where}", "level": "info"})])
    jobs.fail(id, claimed.lease_token, {"kind": "OutputError", "what": "full", "where": where}, retry=False)
    assert jobs.get(id).state == State.FAILED
    told = client.get(f"/api/jobs/{id}").text + client.get(f"/api/jobs/{id}/logs").text
    assert "datasets/data-1" in told
    assert str(state_folder) not in told


def test_the_document_shows_each_kind_with_its_payload(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    body = document["paths"]["/api/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    kinds = {kind["name"] for kind in client.get("/api/jobs/kinds").json()}
    assert set(body["discriminator"]["mapping"]) == kinds >= {"generate", "train"}
    schemas = document["components"]["schemas"]
    assert "train" in schemas["GenerateJob"]["properties"]["payload"]["$ref"].lower() or schemas["GeneratePayload"]
    assert schemas["JobDetail"]["examples"] and schemas["JobPage"]["examples"]
