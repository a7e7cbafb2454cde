"""The settings of a cad dataset: how its views are drawn and in what language its answers are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from redraft.core.options import read_options
from redraft.tasks.cad.dialects import DIALECTS
from redraft.tasks.cad.parts.options import PartOptions
from redraft.tasks.cad.views.style import ViewStyle

DEFAULT_DIALECT = "compact"
DEFAULT_GRID = 128
MADE_EXTRUSIONS = 6


class CadOptions(BaseModel):
    """What a dataset's manifest keeps of its task, complete with defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dialect: str = DEFAULT_DIALECT
    """The language of the answers, one of `DIALECTS`."""
    grid: int = Field(DEFAULT_GRID, ge=8, le=4096)
    """Steps along the part's largest side; the compact dialect alone uses it."""
    style: dict[str, Any] = Field(default_factory=dict, validate_default=True)
    """Fields of `ViewStyle`; those that are not given take its defaults."""
    exact: bool | None = None
    """True draws by the kernel's exact hidden-line algorithm, False by its polygonal one on a mesh. None lets each
    shape decide: exact where its edges are lines, circles and ellipses, which nearly all are."""
    keep_images: bool = True
    """False keeps no pictures in the dataset; its reader draws them again, the same ones."""
    level: str = "full"
    """What is made: "full", or "simple" for models that learn in minutes (see `parts.options.PartOptions`)."""
    families: dict[str, float] = {}
    """Weights of the families of parts that are made; empty takes the level's own."""
    lattice: bool = True
    """Made parts lie on the grid of 128 steps; False makes sides that no grid holds exactly."""
    max_extrusions: int = Field(MADE_EXTRUSIONS, ge=1, le=MADE_EXTRUSIONS)
    """Extrusions of a made part."""
    longest_history: int = Field(16, ge=1, le=1000)
    """Extrusions of an imported part; longer histories are left out."""
    keep_invalid: bool = False
    """True lets importers keep parts whose solid is invalid, marked so in their truth."""
    duplicates: bool = False
    """True lets importers keep parts that show the same thing as an earlier one."""

    @field_validator("dialect")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in DIALECTS:
            raise ValueError(f"there is no dialect '{value}'; choose one of {', '.join(DIALECTS)}")
        return value

    @model_validator(mode="after")
    def _parts(self) -> CadOptions:
        self.parts()
        return self

    def parts(self) -> PartOptions:
        """The options of the generator among them."""
        return PartOptions(self.level, self.max_extrusions, self.families, self.lattice)

    @field_validator("style")
    @classmethod
    def _complete(cls, value: dict[str, Any]) -> dict[str, Any]:
        return ViewStyle.from_data(value).as_data()


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """The given options with all defaults. An unknown or wrong one is a UsageError that names it."""
    return read_options(CadOptions, given, "cad", "docs/cad-commands.md").model_dump()


def names() -> tuple[str, ...]:
    """The options' names."""
    return tuple(CadOptions.model_fields)
