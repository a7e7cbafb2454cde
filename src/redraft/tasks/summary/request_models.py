"""What `POST /api/summarize` takes and gives."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MAX_BYTES = 64 * 2**20
"""Of a request."""


def _document(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("base64", "this is not a document in base64") from None


class Wanted(BaseModel):
    """A document, or a text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document: Annotated[
        Annotated[bytes, Field(max_length=MAX_BYTES)] | None,
        BeforeValidator(_document, json_schema_input_type=str | None),
        Field(description="Plain text, Markdown or PDF, known by its content; in JSON as base64."),
    ] = None
    text: str | None = Field(None, max_length=10_000_000, examples=["The ferry is late by 20 minutes."])
    name: str = Field("document", min_length=1, max_length=200, description="What the answer calls it.")
    model: str = Field(
        "default/summary", min_length=1, max_length=300, description="As GET /v1/models lists them."
    )
    language: str = Field("", max_length=35, description="BCP 47, as `redraft summarize --language`.")
    max_pages: int | None = Field(None, ge=1, le=1000, description="Reads so many first pages only.")
    pdf_pages: bool = Field(False, description="Shows a PDF's own pages in place of its text.")
    max_new_tokens: int | None = Field(None, ge=1, le=8192, description="The longest summary.")

    @model_validator(mode="after")
    def _one(self) -> Wanted:
        if (self.document is None) == (self.text is None):
            raise PydanticCustomError("one", "give a document or a text")
        return self

    @property
    def data(self) -> bytes:
        return self.document if self.document is not None else (self.text or "").encode("utf-8", "replace")


class Summarised(BaseModel):
    """The fields of `redraft summarize --json`."""

    model_config = ConfigDict(extra="allow")

    document: str
    summary: str
    finish: str = Field(description="`stop`, `length` or `loop`.")
    model: str
    pages: int
    complete: bool = Field(description="False where only its first pages were read.")
    summary_tokens: int
    not_in_source: list[str] | None = Field(None, description="Numbers and names that the document does not hold.")
    notes: list[str]
    seconds: float
