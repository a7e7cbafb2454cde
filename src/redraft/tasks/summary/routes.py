"""`POST /api/summarize`: a document or a text in, its summary out. What was sent is removed at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from redraft.core.answers import Answers
from redraft.core.gone import while_wanted
from redraft.tasks.summary.request_models import MAX_BYTES, Summarised, Wanted

MARKDOWN = (".md", ".markdown")
SCHEMA = Wanted.model_json_schema()
FORM = {
    **SCHEMA,
    "properties": {**SCHEMA["properties"], "document": {"type": "string", "format": "binary"}},
}
BODY = {
    "required": True,
    "content": {"application/json": {"schema": SCHEMA}, "multipart/form-data": {"schema": FORM}},
}


def register(router: APIRouter, answers: Answers) -> None:
    """Adds the task's route."""

    @router.post("/summarize", openapi_extra={"requestBody": BODY}, max_body_size=MAX_BYTES)
    async def summarize(request: Request) -> Summarised:
        """Summarises one document: plain text, Markdown or PDF.

        `not_in_source` lists every number and name of the summary that the document does not hold.
        """
        wanted = await read(request)
        async with while_wanted(request.receive):
            kept = await asyncio.to_thread(answers.keep)
            try:
                source = kept.given / f"document{_suffix(wanted.name)}"
                await asyncio.to_thread(source.write_bytes, wanted.data)
                asked = wanted.model_dump(exclude={"document", "text"}, exclude_none=True)
                value = (await answers.ask("summary.summarize", {**asked, "source": str(source)})).value
            finally:
                answers.drop(kept)
        return Summarised.model_validate({**value, "model": wanted.model})


async def read(request: Request) -> Wanted:
    """The request's body, a form or JSON. What is wrong with it is a RequestValidationError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            return Wanted.model_validate(await _form(request))
        return Wanted.model_validate_json(await request.body())
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None


async def _form(request: Request) -> dict[str, Any]:
    """The fields; a document's own name is taken where none is given."""
    form = await request.form(max_files=1, max_fields=8)
    fields: dict[str, Any] = {}
    try:
        for name, value in form.items():
            if isinstance(value, UploadFile):
                fields[name] = await value.read()
                fields.setdefault("name", Path(value.filename or "").name[:200] or "document")
            else:
                fields[name] = value
    finally:
        await form.close()
    return fields


def _suffix(name: str) -> str:
    """It decides only between plain text and Markdown."""
    return ".md" if name.lower().endswith(MARKDOWN) else ""
