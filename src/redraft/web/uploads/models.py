"""Uploads as the API gives them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

EXAMPLE = "upload-01k9zq3v7w3t9c5a7m2v4x8n1b"
_ITEM: dict[str, JsonValue] = {
    "id": EXAMPLE,
    "name": "plates.zip",
    "bytes": 48210334,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "created_at": 1795336440.1,
}


class UploadItem(BaseModel):
    """A file that was sent."""

    id: str
    name: str
    bytes: int = Field(description="That it takes on the disk; of an archive, what was in it.")
    sha256: str = Field(description="Of the file as it was sent.")
    created_at: float = Field(description="Seconds since 1970, by the database's clock.")

    model_config = ConfigDict(json_schema_extra={"examples": [_ITEM]})


class UploadPage(BaseModel):
    """Some uploads of a longer list."""

    items: list[UploadItem]
    next: str | None = Field(None, description="Give it as `after` to get the page that follows; null: the last.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ITEM], "next": None}]})


class UploadDetail(UploadItem):
    """One upload, with what it holds."""

    files: int = Field(description="How many files it is.")
    passed_over: int = Field(0, description="Files of an archive that hold nothing but a system's own notes.")
    dataset: bool = Field(description="Whether it is a dataset of ours: `POST /api/datasets` takes it as it is.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_ITEM, "files": 5, "passed_over": 0, "dataset": True}]}
    )
