"""A browser's session: by a link that holds once, or by the token; for our own pages alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from redraft.state.access import codes, sessions
from redraft.state.access.token import ensure_token, make_token
from redraft.web.app import create_app

BASE = "http://127.0.0.1:7001"
PAGE = {"Accept": "text/html"}


@pytest.fixture
def browser(web_app: FastAPI) -> Iterator[TestClient]:
    """A client that holds cookies and no token."""
    with TestClient(web_app, base_url=BASE, follow_redirects=False) as started:
        yield started


def sign_in(browser: TestClient) -> str:
    answer = browser.get(f"/?code={codes.issue_code()}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    return answer.headers["set-cookie"]


def test_a_link_opens_a_session_that_scripts_and_other_sites_cannot_use(browser: TestClient) -> None:
    cookie = sign_in(browser)
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert browser.get("/api/jobs").status_code == 200
    assert browser.get("/").status_code == 200
    assert ensure_token().value not in cookie


def test_a_link_holds_once(browser: TestClient, web_app: FastAPI) -> None:
    code = codes.issue_code()
    assert browser.get(f"/?code={code}").status_code == 303
    again = TestClient(web_app, base_url=BASE).get(f"/?code={code}")
    assert again.status_code == 401
    assert "has been used" in again.text
    assert "redraft token --link" in again.text


def test_a_link_that_was_not_used_in_time_is_too_old(browser: TestClient, state_folder: Path) -> None:
    code = codes.issue_code()
    (file,) = (state_folder / "codes").iterdir()
    past = time.time() - codes.LIFETIME - 1
    os.utime(file, (past, past))
    assert browser.get(f"/?code={code}").status_code == 401
    codes.issue_code()
    assert len(list((state_folder / "codes").iterdir())) == 1


def test_a_link_is_not_used_up_by_an_expired_token(browser: TestClient) -> None:
    make_token(days=1e-6)
    time.sleep(1.1)
    code = codes.issue_code()
    answer = browser.get(f"/?code={code}")
    assert answer.status_code == 401
    assert "redraft token --new" in answer.text
    make_token()
    assert browser.get(f"/?code={code}").status_code == 303


@pytest.mark.parametrize("code", ["", "x", "../token", "%00", "a" * 5000, "é", "..%2f..%2ftoken"])
def test_what_is_no_code_opens_nothing(browser: TestClient, code: str, state_folder: Path) -> None:
    answer = browser.get(f"/?code={code}")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert (state_folder / "token").exists()


def test_a_session_outlives_the_server(browser: TestClient) -> None:
    sign_in(browser)
    with TestClient(create_app(), base_url=BASE, cookies=browser.cookies) as another:
        assert another.get("/api/jobs").status_code == 200


def test_a_new_token_ends_every_session_at_once(browser: TestClient) -> None:
    sign_in(browser)
    make_token()
    answer = browser.get("/", headers=PAGE)
    assert answer.status_code == 401
    assert "redraft token --link" in answer.text


def test_a_session_ends(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LIFETIME", -1.0)
    value, seconds = sessions.new_session(ensure_token())
    assert seconds == 0
    browser.cookies.set(sessions.cookie_name(ensure_token()), value)
    answer = browser.get("/api/jobs")
    assert answer.status_code == 401
    assert answer.json()["detail"] == "this browser's session has ended"


@pytest.mark.parametrize(
    "change", [lambda v: "9" + v, lambda v: v[:-1], lambda v: v + "0", lambda v: "..", lambda v: ""]
)
def test_a_session_cannot_be_made_up(browser: TestClient, change: object) -> None:
    token = ensure_token()
    value, _ = sessions.new_session(token)
    assert callable(change)
    browser.cookies.set(sessions.cookie_name(token), change(value))
    assert browser.get("/api/jobs").status_code == 401


def test_the_token_signs_in_by_the_page(browser: TestClient) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    wrong = browser.post("/sign-in", content="token=wrong", headers=form)
    assert wrong.status_code == 401
    assert "not the token" in wrong.text
    long = browser.post("/sign-in", content="token=" + "x" * 100_000, headers=form)
    assert long.status_code == 401
    answer = browser.post("/sign-in", content=f"token={ensure_token().value}", headers=form)
    assert answer.status_code == 303
    assert browser.get("/api/jobs").status_code == 200


def test_no_other_site_may_use_the_page(browser: TestClient) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://evil.example"}
    answer = browser.post("/sign-in", content=f"token={ensure_token().value}", headers=form)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_with_a_session_only_our_own_page_may_act_or_listen(browser: TestClient) -> None:
    sign_in(browser)
    path = "/api/jobs/job-01k9zq3v7w3t9c5a7m2v4x8n1b/pause"
    assert browser.post(path).status_code == 403, "a browser that says nothing is not believed"
    assert browser.post(path, headers={"Sec-Fetch-Site": "none"}).status_code == 403
    assert browser.post(path, headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
    assert browser.post(path, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 404
    assert browser.post(path, headers={"Origin": BASE}).status_code == 404
    assert browser.get("/api/events", headers={"Accept": "text/event-stream"}).status_code == 403


def test_a_link_from_another_site_is_followed_by_our_own_page(browser: TestClient) -> None:
    """SameSite=Strict withholds the cookie from it: the page asks again, and then the cookie comes."""
    headers = {**PAGE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert '<meta http-equiv="refresh" content="0">' in browser.get("/", headers=headers).text
    assert "refresh" not in browser.get("/", headers={**PAGE, "Sec-Fetch-Site": "same-origin"}).text
    sign_in(browser)
    assert browser.get("/", headers=headers).status_code == 200
    assert browser.get("/api/jobs", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_signing_out_takes_the_session_away(browser: TestClient) -> None:
    sign_in(browser)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    answer = browser.post("/sign-out", headers=form)
    assert answer.status_code == 303
    assert browser.get("/api/jobs").status_code == 401


def test_a_cookie_over_https_is_for_https_alone(web_app: FastAPI) -> None:
    with TestClient(web_app, base_url="https://127.0.0.1:7001", follow_redirects=False) as secure:
        assert "Secure" in sign_in(secure)
