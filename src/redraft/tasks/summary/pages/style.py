"""How a page looks. All lengths are pixels of the drawn page, so that what the model sees is under control."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from redraft.core.errors import UsageError

SIZES = {"tiny": 512, "small": 640, "base": 1024, "large": 1280, "gundam": 1280}
"""Square pages by the names of DeepSeek-OCR's modes. gundam pages are read in tiles of 640 besides the whole."""
SMALLEST, LARGEST = 128, 4096


class PageStyle(BaseModel):
    """Fields with defaults; what a dataset's options call `style`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: Literal["tiny", "small", "base", "large", "gundam"] = "base"
    """The page's format by name; width and height win over it."""
    width: int = Field(0, ge=0, le=LARGEST)
    height: int = Field(0, ge=0, le=LARGEST)
    """0 takes that of `size`."""
    font: str = "sans"
    """"sans", "serif", "mono", or the name of an installed family."""
    font_size: float = Field(12.0, ge=4, le=200)
    """Pixels of the em of running text; headings are larger, code a little smaller. 12 puts some 3,000 letters on
    a page of 1,024, about 2.5 text tokens to one of its own; letters are readable down to about 9."""
    line_spacing: float = Field(1.3, ge=0.9, le=4)
    """From baseline to baseline, in ems: at least what the script's marks need."""
    paragraph_spacing: float = Field(0.5, ge=0, le=4)
    """Space between blocks, in lines."""
    margin: float = Field(0.05, ge=0, le=0.3)
    """Of the page's width and height, on each side."""
    columns: int = Field(1, ge=1, le=4)
    align: Literal["start", "justify"] = "start"
    ink: int = Field(0, ge=0, le=255)
    paper: int = Field(255, ge=0, le=255)
    """Grey values, 0 black."""
    page_numbers: bool = False

    @model_validator(mode="after")
    def _sound(self) -> PageStyle:
        for name in ("width", "height"):
            if 0 < getattr(self, name) < SMALLEST:
                raise ValueError(f"{name}: a page is at least {SMALLEST} pixels")
        if abs(self.paper - self.ink) < 64:
            raise ValueError("ink and paper are too alike to read: leave 64 of 255 between them")
        return self

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of a page."""
        side = SIZES[self.size]
        return self.width or side, self.height or side

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> PageStyle:
        """A wrong field is a UsageError that names it."""
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "style"
            near = difflib.get_close_matches(key, cls.model_fields, n=1)
            remedy = f"Did you mean '{near[0]}'?" if near else f"A style has: {', '.join(cls.model_fields)}"
            if first["type"] != "extra_forbidden":
                remedy = "See docs/pages.md for the fields of a style"
            raise UsageError(f"style.{key}: {first['msg'].removeprefix('Value error, ')}", remedy=remedy) from None
