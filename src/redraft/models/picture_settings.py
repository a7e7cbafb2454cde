"""`model.pictures` of a recipe: how large a model sees its pictures, and in how many tiles.

The settings become part of the processor, and a checkpoint keeps that: whoever answers with it sees the pixels
that it was trained on.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from redraft.core.errors import RecipeError
from redraft.models.families import Family, family_of
from redraft.models.families.base import inner as unwrapped
from redraft.models.probes import probe_page

KEY = "model.pictures"
PAGE = 1024
"""Pixels of the side of the page that is shown."""


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
            f"the pictures of {family.name} have no setting '{odd[0]}'",
            where=KEY,
            remedy=f"Did you mean '{near[0]}'?" if near else f"They have: {', '.join(known)}",
        )
    kind: Any = type(pictures)
    try:
        return kind.from_dict({**before, **settings})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RecipeError(
            f"the image processor refuses these settings ({error})",
            where=KEY,
            remedy="docs/summary-models.md has examples",
        ) from None


def set_pictures(loaded: Any, asked: str | Mapping[str, Any]) -> None:
    """Gives a loaded model's processor these settings, and shows the vision side a page to see that it can follow.

    Settings that it cannot follow, such as a size that has no queries, are a RecipeError.
    """
    from redraft.models.collate import collate, on_device
    from redraft.models.encode import Encoder
    from redraft.models.validation import image_features

    processor = loaded.processor
    family = family_of(loaded.family)
    processor.image_processor = with_pictures(processor.image_processor, family, asked)
    if not family.caches:
        return  # its forward pass compares the two itself
    encoder, model = Encoder(loaded), unwrapped(loaded.model)
    page = encoder.encode_prompt(probe_page(PAGE))
    written = int((page.input_ids == family.image_token(model)).sum())
    training = model.training
    model.eval()
    try:
        given = image_features(model, on_device(collate([page], encoder.pad_id), model).inputs)
    except (ValueError, RuntimeError) as error:
        raise _cannot_follow(family, str(error).splitlines()[0]) from None
    finally:
        model.train(training)
    if given != written:
        raise _cannot_follow(family, f"it gives {given} features where the prompt has {written} image tokens")


def _cannot_follow(family: Family, why: str) -> RecipeError:
    return RecipeError(
        f"the vision side of this {family.name} cannot follow these settings ({why})",
        where=KEY,
        remedy=f"Give one of {', '.join(family.modes)}" if family.modes else "Give sizes that its encoder has",
    )


def _mode(family: Family, name: str) -> dict[str, Any]:
    if name in family.modes:
        return dict(family.modes[name])
    raise RecipeError(
        f"{family.name} has no way of seeing called '{name}'",
        where=KEY,
        remedy=f"It has: {', '.join(family.modes)}"
        if family.modes
        else "Give settings of its image processor, such as `pictures: {size: {longest_edge: 1024}}`",
    )
