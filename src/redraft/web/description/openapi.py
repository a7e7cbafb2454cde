"""The OpenAPI document: what the framework finds in the routes, and what holds for all of them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from redraft.web.problems import Problem
from redraft.web.security.guard import PUBLIC

DESCRIPTION = """\
Makes data, trains, evaluates and answers: everything that the command line does, for programs.

Send the token of the service, `Authorization: Bearer TOKEN`; `redraft token` prints it. Bodies are JSON unless
an operation says otherwise. What goes wrong is told as `application/problem+json` (RFC 9457) with what happened,
where and the remedy. Lists come in pages: give `next` of one as `after` of the following one. Things are named
by ids, which sort by the time they were made.
"""
SCHEME = "token"
PROBLEM = "application/problem+json"
ANSWERS = {
    "4XX": "The request cannot be met; the answer says why and what to do.",
    "5XX": "The service cannot do it now; the answer says why. 503 comes with Retry-After.",
}


def describe(app: FastAPI) -> None:
    """Makes `app.openapi()` give the whole document."""
    inner = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None or "x-described" not in app.openapi_schema:
            _complete(inner())
        return inner()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {SCHEME: {"type": "http", "scheme": "bearer"}}
    document["security"] = [{SCHEME: []}]
    for path, item in document["paths"].items():
        for operation in item.values():
            if path in PUBLIC:
                operation["security"] = []
            _complete_answers(operation.setdefault("responses", {}), is_openai=path.startswith("/v1/"))
    document["x-described"] = True


def _complete_answers(answers: dict[str, Any], *, is_openai: bool) -> None:
    if "HTTPValidationError" in str(answers.get("422")):
        answers.pop("422")
    kind = "application/json" if is_openai else PROBLEM
    schema = {} if is_openai else {"$ref": "#/components/schemas/Problem"}
    for answer in answers.values():
        content = answer.get("content", {})
        if content.get(PROBLEM) == {}:  # a route named the type, and the framework put the model beside it
            content.pop("application/json", None)
            content[PROBLEM] = {"schema": schema}
    for status, description in ANSWERS.items():
        answers.setdefault(status, {"description": description, "content": {kind: {"schema": schema}}})
