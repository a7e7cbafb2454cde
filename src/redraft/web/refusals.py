"""What routes answer besides what was asked for, for the API's document."""

from __future__ import annotations

from typing import Any

from redraft.web.problems import Problem

Responses = dict[int | str, dict[str, Any]]


def refused(status: int, description: str) -> Responses:
    """One more answer of a route: a problem."""
    return {
        status: {"model": Problem, "content": {"application/problem+json": {}}, "description": description},
    }
