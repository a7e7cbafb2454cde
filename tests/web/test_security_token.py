"""The token: its file, its life, and requests that carry it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.core.errors import OutputError, StateError, UsageError
from redraft.state.access.token import (
    TokenFile,
    client_token,
    ensure_token,
    make_token,
    read_token,
    token_file,
)


def test_only_its_owner_may_read_it(state_folder: Path) -> None:
    ensure_token()
    assert token_file().stat().st_mode & 0o777 == 0o600
    assert state_folder.stat().st_mode & 0o777 == 0o700
    token_file().chmod(0o644)
    with pytest.raises(StateError, match="others than its owner"):
        read_token()


def test_two_starts_at_once_make_one_token(state_folder: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(ensure_token().value)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1
    assert [path.name for path in state_folder.iterdir()] == ["token"]


def test_a_token_is_long_and_never_the_same() -> None:
    values = {make_token().value for _ in range(20)}
    assert len(values) == 20
    assert all(len(value) >= 43 for value in values)


@pytest.fixture(autouse=True)
def _home(state_folder: Path) -> None:
    """Every test here has a state folder of its own."""


@pytest.mark.parametrize(
    "text", ["", "\n", "short\n", "a token with spaces in it, long\n", "x" * 30 + "\nexpires soon\n"]
)
def test_what_is_no_token_is_told(text: str, state_folder: Path) -> None:
    state_folder.mkdir(mode=0o700)
    token_file().write_text(text)
    token_file().chmod(0o600)
    with pytest.raises(StateError) as told:
        read_token()
    assert "redraft token --new" in told.value.remedy


def test_a_token_may_be_written_by_hand(state_folder: Path) -> None:
    state_folder.mkdir(mode=0o700)
    token_file().write_text("a-token-that-somebody-chose-1234\n")
    token_file().chmod(0o600)
    found = read_token()
    assert found is not None
    assert found.value == "a-token-that-somebody-chose-1234"
    assert not found.has_expired


def test_an_expired_token_says_so(client: TestClient) -> None:
    token = make_token(days=1e-6)
    time.sleep(1.1)
    answer = client.get("/api/jobs", headers={"Authorization": f"Bearer {token.value}"})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "the token has expired"
    assert "redraft token --new" in answer.json()["remedy"]
    wrong = client.get("/api/jobs", headers={"Authorization": "Bearer something-else"})
    assert "expired" not in wrong.text
    with pytest.raises(UsageError, match="expired"):
        client_token()


def test_a_replaced_token_holds_at_once(client: TestClient) -> None:
    assert client.get("/api/jobs").status_code == 200
    token = make_token(days=30)
    assert client.get("/api/jobs").status_code == 401
    assert client.get("/api/jobs", headers={"Authorization": f"Bearer {token.value}"}).status_code == 200
    found = read_token()
    assert found == token


def test_a_lost_or_broken_file_lets_nobody_in_and_the_service_goes_on(client: TestClient) -> None:
    token_file().chmod(0o644)
    answer = client.get("/api/jobs")
    assert answer.status_code == 503
    assert str(token_file().parent) not in answer.text
    token_file().unlink()
    assert client.get("/api/jobs").status_code == 401
    assert client.get("/api/health").status_code == 200
    token = make_token()
    assert client.get("/api/jobs", headers={"Authorization": f"Bearer {token.value}"}).status_code == 200


def test_clients_are_given_another_servers_token_by_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no token"):
        client_token()
    monkeypatch.setenv("REDRAFT_TOKEN", "the-token-of-another-server")
    assert client_token() == "the-token-of-another-server"
    assert TokenFile().current() is None


def test_no_line_of_text_shows_a_token() -> None:
    token = make_token()
    assert token.value not in repr(token)
    assert token.value not in str(token)


@given(value=st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=80))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_but_the_token_is_the_token(client: TestClient, value: str) -> None:
    answer = client.get("/api/jobs", headers=[(b"Authorization", b"Bearer " + value.encode("latin-1"))])
    assert answer.status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_name_of_the_scheme_may_be_written_in_any_case(client: TestClient, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {ensure_token().value}"}
    assert client.get("/api/jobs", headers=headers).status_code == 200


def test_a_token_in_the_query_is_not_read(client: TestClient) -> None:
    """It would stand in logs and histories."""
    answer = client.get(f"/api/jobs?token={ensure_token().value}", headers={"Authorization": ""})
    assert answer.status_code == 401


def test_a_place_that_takes_no_file_is_told(state_folder: Path) -> None:
    state_folder.write_text("a file where the folder should be")
    with pytest.raises(OutputError):
        make_token()
    with pytest.raises(StateError):
        ensure_token()
