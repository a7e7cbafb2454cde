"""The API answers whatever it is sent as its own document says, and never with 5xx."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fastapi import FastAPI
from fuzzed_things import Things
from fuzzing import HOST, Report, fuzz

from redraft.state.access.token import ensure_token
from redraft.web.app import create_app
from redraft.web.settings import Settings


@pytest.fixture
def open_app(state_folder: Path) -> FastAPI:
    """An application that is known by the fuzzer's name for it."""
    return create_app(Settings(allowed_hosts=(HOST,)))


def judge(report: Report) -> None:
    assert not report.faults, "\n".join(report.lines())
    assert not [status for status in report.statuses if status >= 500], report.statuses


def test_any_call_with_the_token_is_answered_as_documented(open_app: FastAPI) -> None:
    report = fuzz(open_app, each=2, token=ensure_token().value, known=Things(open_app).of)
    judge(report)
    assert report.calls > 100
    assert report.statuses[200] > 10, "some calls must come through"


def test_any_call_without_the_token_is_refused(open_app: FastAPI) -> None:
    report = fuzz(open_app, each=1, token=None)
    judge(report)
    public = {"GET /api/health"}
    for operation, statuses in report.by_operation.items():
        assert operation in public or set(statuses) <= {401, 400}, (operation, statuses)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_fifty_thousand_calls(open_app: FastAPI) -> None:
    """`make fuzz-api`; FUZZ_CALLS and FUZZ_SEED change how many and which."""
    calls, number = int(os.environ.get("FUZZ_CALLS", "50000")), int(os.environ.get("FUZZ_SEED", "1"))
    rounds = sum((4 if "{id}" in path else 2) * len(item) for path, item in open_app.openapi()["paths"].items())
    report = fuzz(
        open_app, each=calls // rounds + 1, token=ensure_token().value, known=Things(open_app).of, number=number
    )
    print(*report.lines(), sep="\n")
    judge(report)
    assert report.calls >= calls * 0.9
