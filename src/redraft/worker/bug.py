"""What a user is told of an error that no code expected: our own bug, with its place."""

from __future__ import annotations

import traceback
from pathlib import Path

from redraft.core.errors import RedraftError


def bug(error: Exception, remedy: str) -> RedraftError:
    """remedy: where its traceback is, and what to do with it."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return RedraftError(
        f"redraft has a bug: {type(error).__name__}: {error}",
        where=f"{Path(where.filename).name}:{where.lineno}",
        remedy=remedy,
    )
