"""Answers that are checked already: a model written as JSON in the thread that made it.

A route that returns a model has it checked a second time, field by field, in another thread. Lists and single jobs
are asked for often, so these skip that; `response_model` still tells their form to the API's document.
"""

from __future__ import annotations

from typing import Any

from fastapi import Response
from pydantic import BaseModel


class Json(Response):
    """A model as `application/json`."""

    media_type = "application/json"

    def __init__(self, model: BaseModel, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(model.__pydantic_serializer__.to_json(model), status_code, headers)

    def render(self, content: Any) -> bytes:
        return bytes(content)
