"""`model.pictures` of a recipe: how large a model sees its pictures, and in how many tiles.

The settings become part of the processor, and a checkpoint keeps that: whoever answers with it sees the pixels
that it was trained on.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from redraft.core.errors import RecipeError
from redraft.models.families import Family

KEY = "model.pictures"


def with_pictures(pictures: Any, family: Family, asked: str | Mapping[str, Any]) -> Any:
    """An image processor like `pictures` with other settings.

    asked: the name of one of the family's modes, or settings by the image processor's own names. What it does not
    know, or refuses, is a RecipeError.
    """
    settings = _mode(family, asked) if isinstance(asked, str) else dict(asked)
    before = pictures.to_dict()
    known = sorted(name for name in type(pictures).valid_kwargs.__annotations__ if name in before)
    odd = sorted(set(settings) - set(known))
    if odd:
        near = difflib.get_close_matches(odd[0], known, n=1)
        raise RecipeError(
            f"{KEY}: the pictures of {family.name} have no setting '{odd[0]}'",
            where=KEY,
            remedy=f"Did you mean '{near[0]}'?" if near else f"They have: {', '.join(known)}",
        )
    kind: Any = type(pictures)
    try:
        return kind.from_dict({**before, **settings})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RecipeError(
            f"{KEY}: the image processor refuses these settings ({error})",
            where=KEY,
            remedy="docs/summary-models.md has examples",
        ) from None


def _mode(family: Family, name: str) -> dict[str, Any]:
    if name in family.modes:
        return dict(family.modes[name])
    raise RecipeError(
        f"{KEY}: {family.name} has no way of seeing called '{name}'",
        where=KEY,
        remedy=f"It has: {', '.join(family.modes)}"
        if family.modes
        else "Give settings of its image processor, such as `pictures: {size: {longest_edge: 1024}}`",
    )
