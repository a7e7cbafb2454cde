"""The model families: what redraft must know of each beyond what transformers says of itself.

Each module of this package that has a `FAMILY` is found by itself; no list is kept.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from redraft.models.families.base import Family

__all__ = ["Family", "families", "family_of"]


@cache
def families() -> tuple[Family, ...]:
    """All known families, by name."""
    found = []
    for info in pkgutil.iter_modules(__path__):
        family = getattr(importlib.import_module(f"{__name__}.{info.name}"), "FAMILY", None)
        if isinstance(family, Family):
            found.append(family)
    return tuple(sorted(found, key=lambda family: family.name))


def family_of(model_type: str) -> Family:
    """The family of a transformers model type; for a type that none claims, one that knows the common ways."""
    for family in families():
        if model_type in family.model_types:
            return family
    return Family(name=model_type, model_types=(model_type,))
