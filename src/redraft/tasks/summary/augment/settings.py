"""The settings of augmentation: what a recipe gives as `train.augment.options`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from redraft.core.errors import UsageError


class AugmentSettings(BaseModel):
    """How far each thing may go at strength 1; below it, in proportion. 0 (or false) switches one off."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    style: bool = True
    """Draws documents whose text is known in another font, size, spacing, margin, columns, paper and ink."""
    fonts: tuple[str, ...] = ()
    """Families to draw from ("sans", "serif", "mono", or installed ones by name); of them those that cover a
    document's text. Empty: "sans", "serif" and "mono", and every installed family that does."""
    effects: float = Field(0.8, ge=0, le=1)
    """The part of examples that get effects of a scanner or a camera at all, at strength 1."""
    rotation: float = Field(1.5, ge=0, le=5)
    """Degrees, either way, about the page's centre."""
    perspective: float = Field(0.03, ge=0, le=0.1)
    """How much larger one edge of the page is shown than the opposite one."""
    blur: float = Field(0.05, ge=0, le=0.08)
    """Standard deviation in ems of the running text (of a given picture: of an em of 1/64 of its height)."""
    shade: float = Field(0.18, ge=0, le=0.4)
    """How much darker the paper may be on one side than on the other."""
    contrast: float = Field(0.2, ge=0, le=0.5)
    """Part of the distance between ink and paper that may be lost."""
    tint: float = Field(0.1, ge=0, le=0.3)
    """How far the paper's colour may be from grey."""
    noise: float = Field(9.0, ge=0, le=25)
    """Standard deviation of the grain in grey values of 255."""
    jpeg: int = Field(40, ge=20, le=100)
    """The lowest quality that a page is stored in; 100 stores none as JPEG."""


def read_settings(given: Mapping[str, Any]) -> AugmentSettings:
    """An unknown or wrong setting is a UsageError that names it."""
    try:
        return AugmentSettings.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        known = AugmentSettings.model_fields
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, known, n=1)
            remedy = f"Did you mean '{near[0]}'?" if near else f"It has: {', '.join(known)}"
            raise UsageError(f"augmentation has no setting '{key}'", remedy=remedy) from None
        raise UsageError(
            f"augmentation's {key}: {first['msg']}", remedy="See docs/augmentation.md for the settings"
        ) from None
