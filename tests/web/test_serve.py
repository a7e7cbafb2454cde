"""`redraft serve` and `redraft token` as people use them: one clear answer to what can go wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from served import PATIENCE, Served, redraft, serving

from state_processes import end_processes_of


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    yield folder
    end_processes_of(folder)


@pytest.fixture
def server(home: Path, tmp_path: Path) -> Iterator[Served]:
    with serving(home, tmp_path / "serve.log", "--no-worker", "--no-open") as started:
        yield started.wait_ready()


def test_a_server_is_opened_in_a_browser_and_by_programs(home: Path, server: Served, tmp_path: Path) -> None:
    assert httpx2.get(f"{server.url}/api/health").json()["status"] == "ok"
    assert httpx2.get(f"{server.url}/api/jobs").status_code == 401
    soft, hard = psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft >= min(hard, 8192), "a thousand streams need as many files"
    with server.client(home) as client:
        assert client.get("/api/jobs").json() == {"items": [], "next": None}
    with httpx2.Client(follow_redirects=True) as browser:
        assert "signed in" in browser.get(server.link).text
        assert "has been used" in httpx2.get(server.link).text
        another = redraft(home, "token", "--link").stdout.strip()
        assert another.startswith(f"{server.url}/?code=")
        assert httpx2.get(another, follow_redirects=False).status_code == 303

        token = redraft(home, "token").stdout.strip()
        assert token == (home / "token").read_text().strip()
        assert server.stop() == 0, server.text()
        assert not (home / "serving.json").exists()

        # Another start on the same folder: the browser's session goes on, whatever the port.
        with serving(home, tmp_path / "again.log", "--no-worker", "--no-open") as again:
            again.wait_ready()
            assert "signed in" in browser.get(f"{again.url}/").text
            assert redraft(home, "token", "--new").stdout.strip() != token
            ended = browser.get(f"{again.url}/", headers={"Accept": "text/html"})
            assert ended.status_code == 401
            assert "redraft token --link" in ended.text
            assert token not in again.text()
    lines = [json.loads(line) for line in server.text().splitlines() if line.startswith("{")]
    assert {"request_id", "path", "status", "milliseconds"} <= set(lines[0])
    assert token not in server.text()


def test_a_port_in_use_is_told(home: Path, server: Served) -> None:
    port = server.url.rpartition(":")[2]
    again = redraft(home, "serve", "--port", port, "--no-open", "--no-worker")
    assert again.returncode == 2
    assert "a server of this state folder runs there already" in again.stderr
    assert "redraft token --link" in again.stderr
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = redraft(home, "serve", "--port", str(other.getsockname()[1]), "--no-open", "--no-worker")
    assert taken.returncode == 2
    assert "the port is in use" in taken.stderr
    assert "--port" in taken.stderr
    assert "Traceback" not in again.stderr + taken.stderr
    assert httpx2.get(f"{server.url}/api/health").status_code == 200


@pytest.mark.parametrize(
    ("words", "variables", "says"),
    [
        (["--host", "0.0.0.0"], {}, "has no token"),
        (["--host", "203.0.113.7"], {}, "has no token"),
        (["--host", "no.such.host.invalid"], {}, "has no token"),
        (
            ["--database", "postgresql://anna:secret-word@127.0.0.1/x"],
            {},
            "must not stand in a command's arguments",
        ),
        ([], {"REDRAFT_DATABASE": "postgresql://anna:secret-word@127.0.0.1:1/x"}, "database"),
        (["--log", "xml"], {}, "this form of log is not known"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(
    home: Path, words: list[str], variables: dict[str, str], says: str
) -> None:
    done = redraft(home, "serve", "--port", "0", "--no-open", "--no-worker", *words, variables=variables)
    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret-word" not in done.stderr + done.stdout


def test_beyond_this_machine_with_a_token_and_whole_walls(home: Path, tmp_path: Path) -> None:
    assert redraft(home, "token").returncode == 0
    with serving(home, tmp_path / "log", "--host", "0.0.0.0", "--no-worker", "--no-open") as started:
        deadline = time.monotonic() + PATIENCE
        while "/?code=" not in started.text() and started.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        if started.process.poll() is not None:  # this machine lacks a wall: then it must say which
            assert "the walls around generated programs are not whole" in started.text()
            return
        port = started.wait_ready().url.rpartition(":")[2]
        answer = httpx2.get(f"http://127.0.0.1:{port}/api/jobs", headers={"Host": f"198.51.100.4:{port}"})
        assert answer.status_code == 401
        assert (
            httpx2.get(f"http://127.0.0.1:{port}/api/health", headers={"Host": "evil.example"}).status_code == 421
        )
        assert started.stop() == 0


def test_a_database_of_another_version_or_locked_is_told(home: Path) -> None:
    home.mkdir()
    (home / "redraft.sqlite").write_bytes(b"this is no database" * 100)
    done = redraft(home, "serve", "--port", "0", "--no-open", "--no-worker")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "database" in done.stderr


def test_a_locked_database_holds_up_writes_alone(home: Path, server: Served) -> None:
    with server.client(home) as client, sqlite3.connect(home / "redraft.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert client.get("/api/jobs").status_code == 200
        assert client.get("/api/health").status_code == 200
        other.execute("ROLLBACK")


def test_the_worker_is_started_and_goes_on_without_the_server(home: Path, tmp_path: Path) -> None:
    """A server that is killed takes no worker along, the next one finds it, and a dead worker is replaced."""
    with serving(home, tmp_path / "log", "--no-open") as started:
        first = _worker(started.wait_ready())
        started.stop(signal.SIGKILL)
        assert psutil.pid_exists(first)
        with serving(home, tmp_path / "again", "--no-open") as again:
            again.wait_ready()
            time.sleep(1.0)
            assert "a worker was started" not in again.text()
            os.kill(first, signal.SIGKILL)
            second = _worker(again)
            assert second != first


def _worker(server: Served) -> int:
    """The process id of the worker that the server says it started."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for line in server.text().splitlines():
            if line.startswith("{") and json.loads(line)["event"] == "a worker was started":
                return int(json.loads(line)["pid"])
        time.sleep(0.1)
    raise AssertionError(server.text())


def test_tokens_are_made_and_replaced_on_the_command_line(home: Path) -> None:
    first = redraft(home, "token")
    assert first.returncode == 0
    assert first.stdout.strip().startswith("redraft_")
    assert redraft(home, "token").stdout == first.stdout
    short = redraft(home, "token", "--new", "--days", "0.00001")
    assert short.stdout != first.stdout
    time.sleep(1.5)
    expired = redraft(home, "token")
    assert expired.returncode == 2
    assert "the token has expired" in expired.stderr
    assert "redraft token --new" in expired.stderr
    served = redraft(home, "serve", "--port", "0", "--no-open", "--no-worker")
    assert served.returncode == 2
    assert "the token has expired" in served.stderr
    assert redraft(home, "token", "--days", "3").returncode == 2
    link = redraft(home, "token", "--new", "--link", "--url", "https://box.lan/")
    assert link.stdout.startswith("https://box.lan/?code=")


def test_deepsynths_variable_names_the_state_folder_too(tmp_path: Path) -> None:
    other = tmp_path / "deepsynth"
    done = redraft(
        tmp_path / "unused", "token", variables={"REDRAFT_HOME": "", "DEEPSYNTH_UI_STATE_DIR": str(other)}
    )
    assert done.stdout.strip() == (other / "token").read_text().strip()
