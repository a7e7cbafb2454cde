"""The lines that people of the earlier systems type, as docs/api.md gives them, by curl against a real server."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import Served, environment, redraft, serving

from state_processes import end_processes_of

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
NAMED = (
    "/api/health",
    "/api/jobs",
    "/api/jobs/$JOB/pause",
    "/api/jobs/$JOB/resume",
    "/api/jobs/$JOB",
    "/api/training/presets",
    "/api/datasets/generated",
    "/api/training/checkpoints",
)
"""What the earlier systems answered."""


def lines() -> dict[str, str]:
    """Each line of the page's block by the path it asks for; of /api/jobs/$JOB the DELETE."""
    block = re.search(r"tests/web/test_old_curl_lines.py.*?```\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert block is not None
    return {line.rpartition("$API")[2]: line for line in block.group(1).splitlines()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("curl") / "home"
    yield folder
    end_processes_of(folder)


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Served]:
    with serving(home, home.parent / "serve.log", "--no-worker", "--no-open") as started:
        yield started.wait_ready()


@pytest.fixture(scope="module")
def token(home: Path, server: Served) -> str:
    return redraft(home, "token").stdout.strip()


def curl(home: Path, server: Served, token: str, line: str, job: str = "") -> tuple[int, Any]:
    """(status, answer) of one line as a shell runs it."""
    done = subprocess.run(
        ["bash", "-c", line.replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1)],
        env=environment(home, API=server.url, AUTH=f"Authorization: Bearer {token}", JOB=job),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{line}: {done.stderr} (the test needs bash and curl)"
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def submit(home: Path, server: Served) -> str:
    with server.client(home) as client:
        body = {"kind": "generate", "payload": {"task": "cad", "train": 4}}
        id: str = client.post("/api/jobs", json=body).json()["id"]
    return id


def test_the_page_has_every_line() -> None:
    assert tuple(lines()) == NAMED


def test_health_needs_no_token(home: Path, server: Served) -> None:
    status, found = curl(home, server, "none", lines()["/api/health"])
    assert status == 200 and found["status"] == "ok"


def test_a_job_is_paused_resumed_and_deleted(home: Path, server: Served, token: str) -> None:
    others = [item["id"] for item in curl(home, server, token, lines()["/api/jobs"])[1]["items"]]
    job = submit(home, server)

    def run(path: str) -> tuple[int, Any]:
        return curl(home, server, token, lines()[path], job)

    status, listed = run("/api/jobs")
    assert status == 200 and [item["id"] for item in listed["items"]] == [job, *others]
    for path, state in (("pause", "paused"), ("pause", "paused"), ("resume", "queued")):
        status, found = run(f"/api/jobs/$JOB/{path}")
        assert (status, found["id"], found["state"]) == (200, job, state)
    assert run("/api/jobs/$JOB")[0] == 200
    for path in ("/api/jobs/$JOB/pause", "/api/jobs/$JOB/resume", "/api/jobs/$JOB"):
        status, refused = run(path)
        assert status == 404 and refused["remedy"]
    assert [item["id"] for item in run("/api/jobs")[1]["items"]] == others


def test_a_wish_that_does_not_go_with_the_state_is_refused(home: Path, server: Served, token: str) -> None:
    job = submit(home, server)
    with server.client(home) as client:
        client.post(f"/api/jobs/{job}/cancel").raise_for_status()
    status, refused = curl(home, server, token, lines()["/api/jobs/$JOB/pause"], job)
    assert status == 409
    assert "cancelled" in refused["detail"] and refused["remedy"]
    assert curl(home, server, token, lines()["/api/jobs/$JOB"], job)[0] == 200


def test_presets_datasets_and_checkpoints(home: Path, server: Served, token: str) -> None:
    status, presets = curl(home, server, token, lines()["/api/training/presets"])
    names = [preset["name"] for preset in presets]
    assert (status, names) == (200, ["quick_test", "standard", "high_quality", "memory_efficient"])
    status, found = curl(home, server, token, lines()["/api/training/checkpoints"])
    assert status == 200 and found["items"] == []
    job = submit(home, server)
    with server.client(home) as client:
        made = client.get(f"/api/jobs/{job}").json()["output"]["dataset"]
    status, found = curl(home, server, token, lines()["/api/datasets/generated"])
    assert status == 200 and found["items"][0]["id"] == made


def test_without_the_token_nothing_but_the_health_is_told(home: Path, server: Served) -> None:
    for path, line in lines().items():
        if path != "/api/health":
            status, refused = curl(home, server, "wrong", line, "job-01k9zq3v7w3t9c5a7m2v4x8n1b")
            assert status == 401 and refused["remedy"], path
