"""How numbers are written: the shortest digits that read back to the same value, or a fixed number of decimals."""

from __future__ import annotations

from collections.abc import Iterable


def exact(value: float) -> str:
    """The shortest text that reads back to the same float; whole numbers without a point."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def tuple_text(values: Iterable[float]) -> str:
    return "(" + ", ".join(exact(value) for value in values) + ")"


def rounded(value: float, decimals: int) -> float:
    """The value at so many decimals, without a negative zero."""
    return round(value, decimals) + 0.0
