"""The settings of a summary dataset: how its pages look and what is asked about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from redraft.core.options import read_options
from redraft.tasks.summary.pages.style import PageStyle

INSTRUCTION = "Summarize the document on these pages."
MAX_CHARACTERS = 1_000_000


class SummaryOptions(BaseModel):
    """What a dataset's manifest keeps of its task, complete with defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    style: dict[str, Any] = Field(default_factory=dict, validate_default=True)
    """Fields of `PageStyle`; those that are not given take its defaults."""
    variety: float = Field(0.0, ge=0, le=1)
    """Draws every example in a style of its own, by its seed: how far from `style` it may go."""
    instruction: str = Field(INSTRUCTION, min_length=1)
    """What the model is asked, behind the pages."""
    max_pages: int = Field(64, ge=1, le=1000)
    """A document of more pages is left out, or cut."""
    long: Literal["leave_out", "cut"] = "leave_out"
    """What happens to a document that is too long: its first pages are kept where it is cut, which is listed."""
    max_characters: int = Field(MAX_CHARACTERS, ge=1, le=10_000_000)
    """A document of more is left out before anything is laid out."""
    keep_images: bool = False
    """True keeps the pages as pictures in the dataset; else its reader draws the same ones again."""
    level: Literal["full", "simple"] = "full"
    """What documents are made: "full", or "simple" for models that learn in minutes."""
    duplicates: bool = False
    """True lets importers keep documents that are equal to an earlier one."""

    @field_validator("style")
    @classmethod
    def _complete(cls, value: dict[str, Any]) -> dict[str, Any]:
        return PageStyle.from_data(value).model_dump()

    @property
    def page_style(self) -> PageStyle:
        return PageStyle.from_data(self.style)


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """The given options with all defaults. An unknown or wrong one is a UsageError that names it."""
    return read(given).model_dump()


def read(given: Mapping[str, Any]) -> SummaryOptions:
    return read_options(SummaryOptions, given, "summary", "docs/summary.md")
