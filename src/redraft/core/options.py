"""A task's options, checked by its pydantic model: the same sentence for every task's wrong option."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from redraft.core.errors import UsageError

Options = TypeVar("Options", bound=BaseModel)


def read_options(model: type[Options], given: Mapping[str, Any], task: str, page: str) -> Options:
    """The given options of a task with all defaults. An unknown or wrong one is a UsageError that names it.

    page: of docs/, which describes them.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, model.model_fields, n=1)
            remedy = f"Did you mean '{near[0]}'?" if near else f"It has: {', '.join(model.model_fields)}"
            raise UsageError(f"the task {task} has no option '{key}'", remedy=remedy) from None
        what = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"option {key}: {what}", remedy=f"See {page} for the options") from None
