"""Calls every operation of the API with what its document allows and with what it does not, and counts the faults.

A fault: an answer of 5xx, or one of a status, type, header or content that the document does not promise.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

HOST = asgi.HOST
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LONGEST = 120.0
"""Seconds for one answer: the first that wants a model starts the process that answers."""


Known = Callable[[str], dict[str, str] | None]


@dataclass
class Report:
    """What came of the calls."""

    calls: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    by_operation: dict[str, Counter[int]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    """Operation and kind of fault to the first call that showed it."""
    slowest: tuple[float, str] = (0.0, "")

    def lines(self) -> Iterator[str]:
        yield f"{self.calls} calls, {len(self.by_operation)} operations: {dict(sorted(self.statuses.items()))}"
        yield f"slowest: {self.slowest[0]:.2f} s, {self.slowest[1]}"
        yield from (f"FAULT {where}: {what}" for where, what in sorted(self.faults.items()))


def fuzz(
    app: FastAPI,
    *,
    each: int,
    token: str | None,
    known: Known = lambda path: None,
    number: int = 0,
    only: str = "",
) -> Report:
    """Calls every operation `each` times with valid and `each` times with other data.

    token: sent with every call; None: no call has one. known: ids of things that exist for the parameters of a
    path: called as often again with them. number: the seed. only: a part of the labels of the operations to call.
    """
    try:
        return _fuzz(app, each, token, known, number, only)
    finally:
        asgi.shutdown_lifespans()


def _fuzz(
    app: FastAPI,
    each: int,
    token: str | None,
    known: Known,
    number: int,
    only: str,
) -> Report:
    document = schemathesis.openapi.from_asgi("/openapi.json", app)
    document.config.generation.update(with_security_parameters=False)  # the token is ours to send
    app.state.service.stopping.set()  # streams of events say what they have, and end
    report = Report()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with asgi.get_client(app) as client:
        for found in document.get_all_operations():
            operation = found.ok()
            if only not in operation.label:
                continue
            for mode in GenerationMode:
                _fuzz_one(report, operation, mode, None, each, number, client, headers)
                if known(operation.path):
                    _fuzz_one(report, operation, mode, known, each, number, client, headers)
    return report


def _fuzz_one(
    report: Report,
    operation: Any,
    mode: GenerationMode,
    known: Known | None,
    each: int,
    number: int,
    client: Any,
    headers: dict[str, str],
) -> None:
    @seed(number)
    @settings(
        max_examples=each,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(mode))
    def once(case: Any) -> None:
        if known is not None:
            case.path_parameters = {**case.path_parameters, **(known(operation.path) or {})}
        began = time.perf_counter()
        response = case.call(session=client, headers=headers, timeout=LONGEST)
        report.slowest = max(report.slowest, (time.perf_counter() - began, operation.label))
        report.calls += 1
        report.statuses[response.status_code] += 1
        report.by_operation.setdefault(operation.label, Counter())[response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS, headers=headers)
        except FailureGroup as group:
            for fault in group.exceptions:
                where = f"{operation.label}: {type(fault).__name__}"
                told = f"{case.as_curl_command()[:400]} -> {response.status_code} {response.text[:300]!r}: {fault}"
                report.faults.setdefault(where, told[:1200])

    with contextlib.suppress(Unsatisfiable):  # an operation without parameters takes no invalid ones
        once()
