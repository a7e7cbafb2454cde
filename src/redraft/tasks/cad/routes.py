"""`POST /api/reconstruct`: pictures in, a solid and its program out; and the files of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from redraft.core.answers import Answers, Kept
from redraft.core.errors import UsageError
from redraft.core.gone import while_wanted
from redraft.tasks.cad.request_models import MAX_BYTES, VIEWS, Reconstructed, Wanted

TYPES = {
    ".step": "model/step",
    ".glb": "model/gltf-binary",
    ".stl": "model/stl",
    ".png": "image/png",
    ".json": "application/json",
}
SCHEMA = Wanted.model_json_schema()
FORM = {
    **SCHEMA,
    "properties": {
        **SCHEMA["properties"],
        **{name: {"type": "string", "format": "binary"} for name in (*VIEWS, "sheet")},
        "size": {"type": "string", "description": "Width, depth and height in mm, as `W,D,H`."},
    },
}
BODY = {
    "required": True,
    "content": {"application/json": {"schema": SCHEMA}, "multipart/form-data": {"schema": FORM}},
}


def register(router: APIRouter, answers: Answers) -> None:
    """Adds the task's routes."""

    @router.post("/reconstruct", openapi_extra={"requestBody": BODY}, max_body_size=MAX_BYTES)
    async def reconstruct(request: Request) -> Reconstructed:
        """Three views of a part, or a sheet with them, to its solid.

        The answer is 200 also where no valid solid was found: then `valid` is false, and `reason` says why. Files
        are kept for a day.
        """
        wanted = await read(request)
        async with while_wanted(request.receive):
            kept = await asyncio.to_thread(answers.keep)
            try:
                return await _answer(wanted, kept, answers)
            except BaseException:
                answers.drop(kept)
                raise

    @router.get("/reconstruct/{id}/{name}", response_class=FileResponse)
    async def file(
        id: str = Path(pattern="^answer-[0-9a-z]{26}$", examples=["answer-01k9zq3v7w3t9c5a7m2v4x8n1b"]),
        name: str = Path(pattern=r"^part\.[a-z0-9.]{1,20}$", examples=["part.step"]),
    ) -> FileResponse:
        """One file of an answer."""
        path = answers.kept(id, name)
        return FileResponse(path, media_type=_type(path), filename=name)


async def read(request: Request) -> Wanted:
    """The request's body, a form or JSON. What is wrong with it is a RequestValidationError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            form = await request.form(max_files=4, max_fields=8)
            try:
                fields = {name: await _field(value) for name, value in form.items()}
            finally:
                await form.close()
            return Wanted.model_validate(fields)
        return Wanted.model_validate_json(await request.body())
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None


async def _field(value: UploadFile | str) -> Any:
    return await value.read() if isinstance(value, UploadFile) else value


async def _answer(wanted: Wanted, kept: Kept, answers: Answers) -> Reconstructed:
    names = await asyncio.to_thread(_write, wanted, kept)
    notes: list[str] = []

    def hear(event: Mapping[str, Any]) -> None:
        if event["event"] == "log":
            notes.append(str(event["message"]))

    asked = {
        "folder": str(kept.folder),
        "given": names,
        "model": wanted.model,
        "size": wanted.size,
        "scale": wanted.scale,
        "samples": 1 if wanted.fast else wanted.samples,
    }
    value = (await answers.ask("cad.answer", asked, on_event=hear)).value
    files = [
        {
            "name": name,
            "url": f"/api/reconstruct/{kept.id}/{name}",
            "bytes": (kept.folder / name).stat().st_size,
            "type": _type(FilePath(name)),
        }
        for name in value["files"]
    ]
    return Reconstructed.model_validate(
        {**value, "id": kept.id, "files": files, "notes": notes, "model": wanted.model}
    )


def _write(wanted: Wanted, kept: Kept) -> list[str]:
    """Puts the pictures into the folder, under names of ours; their names there."""
    for name, data in wanted.pictures.items():
        if not data:
            raise UsageError("this picture is empty", where=name, remedy="Send its file")
        (kept.given / f"{name}.given").write_bytes(data)
    return [f"given/{name}.given" for name in wanted.pictures]


def _type(path: FilePath) -> str:
    return TYPES.get(path.suffix, "text/plain; charset=utf-8")
