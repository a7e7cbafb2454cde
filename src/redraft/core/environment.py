"""Numbers that an operator sets by variables of the environment."""

from __future__ import annotations

import os

from redraft.core.errors import UsageError


def number(variable: str, default: float, *, least: float, most: float, unit: str) -> float:
    """What the variable says, or the default where it says nothing; a UsageError outside of least to most."""
    said = os.environ.get(variable, "").strip()
    if not said:
        return default
    try:
        found = float(said)
    except ValueError:
        found = float("nan")
    if not least <= found <= most:
        raise UsageError(
            f"'{said}' is no number of {unit} from {least:g} to {most:g}",
            where=variable,
            remedy="Set it to such a number, or unset it",
        )
    return found
