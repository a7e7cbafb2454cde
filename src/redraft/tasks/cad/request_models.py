"""What `POST /api/reconstruct` takes and gives."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MAX_BYTES = 64 * 2**20
"""Of a request, all of its pictures included."""
VIEWS = ("front", "top", "right")


def _picture(value: Any) -> Any:
    """A file's bytes from base64, with or without the head of a data URI."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value.partition(",")[2] if value.startswith("data:") else value, validate=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("base64", "this is not a picture in base64") from None


def _sides(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


Picture = Annotated[
    Annotated[bytes, Field(max_length=MAX_BYTES)] | None,
    BeforeValidator(_picture, json_schema_input_type=str | None),
    Field(description="A picture's file: PNG, JPEG, GIF, BMP, TIFF or WebP; in JSON as base64."),
]
Side = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]


class Wanted(BaseModel):
    """Front, top and right, or a sheet with the three."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    front: Picture = None
    top: Picture = None
    right: Picture = None
    sheet: Picture = None
    size: Annotated[tuple[Side, Side, Side] | None, BeforeValidator(_sides)] = Field(
        None, description="Width, depth and height in mm; in a form as `W,D,H`. Without it the drawing says it."
    )
    scale: Side | None = Field(None, description="Millimetres of one pixel of the pictures.")
    model: str = Field("default/cad", min_length=1, max_length=300, description="As GET /v1/models lists them.")
    fast: bool = Field(False, description="One answer in place of the best of eight.")
    samples: int | None = Field(None, ge=1, le=32, description="So many answers to choose from.")

    @model_validator(mode="after")
    def _three_or_one(self) -> Wanted:
        views = [name for name in VIEWS if getattr(self, name) is not None]
        if (self.sheet is None and len(views) < 3) or (self.sheet is not None and views):
            raise PydanticCustomError("views", "give front, top and right, or one sheet")
        if self.size is not None and self.scale is not None:
            raise PydanticCustomError("size", "give a size or a scale, not both")
        return self

    @property
    def pictures(self) -> dict[str, bytes]:
        """By view."""
        given = {name: getattr(self, name) for name in (*VIEWS, "sheet")}
        return {name: data for name, data in given.items() if data is not None}


class File(BaseModel):
    name: str
    url: str = Field(description="GET it here, with the token, while it is kept.")
    bytes: int
    type: str


class Reconstructed(BaseModel):
    """The fields of `redraft reconstruct --json`; a check of the answer may add its verdict."""

    model_config = ConfigDict(extra="allow")

    id: str
    valid: bool = Field(description="Whether there is a valid solid.")
    reason: str = Field(description="`ok`, or why there is none: a code of docs/scoring.md.")
    detail: str = ""
    program: str = Field(description="The model's own words.")
    dialect: str
    files: list[File]
    size_source: str = Field(description="`given`, `drawing` or `assumed`.")
    size_tolerance_mm: float | None = None
    bbox_mm: list[float] | None = None
    volume_mm3: float | None = None
    solids: int | None = None
    faces: int | None = None
    agreement: dict[str, float] | None = Field(None, description="View to how well the answer's drawing fits it.")
    samples: int
    valid_samples: int
    model: str
    seconds: float
    notes: list[str] = Field(description="What was done to the pictures, and what to know.")
