"""How views are drawn: the settings that training and serving share."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from redraft.core.errors import UsageError

SIZES = (64, 4096)
"""Smallest and largest side of a view, in pixels."""


@dataclass(frozen=True, slots=True)
class ViewStyle:
    """All lengths in pixels of the finished picture.

    size: side of the square picture. line_width: visible lines, 1 to 16. hidden_width: hidden lines, 0 (none are
    drawn) to 16. dash: length of a dash and of a gap, each at least 1; both are stretched a little so that every
    hidden line begins and ends with a dash. margin: white border around the part's longest side. size_note:
    writes width x depth x height in millimetres at the foot of every view.

    A wrong value is a UsageError.
    """

    size: int = 512
    line_width: float = 2.0
    hidden_width: float = 1.0
    dash: tuple[float, float] = (7.0, 4.0)
    margin: int = 32
    size_note: bool = False

    def __post_init__(self) -> None:
        _whole(self.size, "size", *SIZES)
        _whole(self.margin, "margin", 4, SIZES[1])
        _number(self.line_width, "line_width", 1, 16)
        _number(self.hidden_width, "hidden_width", 0, 16)
        if not isinstance(self.dash, tuple) or len(self.dash) != 2:
            raise _wrong("dash", self.dash, "two numbers: the length of a dash and of a gap")
        for value in self.dash:
            _number(value, "dash", 1, 256)
        if not isinstance(self.size_note, bool):
            raise _wrong("size_note", self.size_note, "true or false")
        if self.area < 32:
            raise UsageError(
                f"a margin of {self.margin} leaves {self.area} of {self.size} pixels for the part",
                where="style.margin",
                remedy="Leave at least 32: enlarge size or lessen margin",
            )
        if self.size_note and self.margin < 18:
            raise UsageError(
                f"a margin of {self.margin} pixels has no room for a size note",
                where="style.size_note",
                remedy="Give margin at least 18",
            )

    @property
    def area(self) -> int:
        """Pixels that the longest side of a part may take."""
        return self.size - 2 * self.margin

    def as_data(self) -> dict[str, Any]:
        """The style as JSON data, every key written out."""
        return {**asdict(self), "dash": list(self.dash)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ViewStyle:
        """Reads `as_data` back; missing keys take their defaults, an unknown one is a UsageError."""
        if not isinstance(data, Mapping):
            raise _wrong("style", data, "a mapping of settings")
        known = [f.name for f in fields(cls)]
        for key in data:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                remedy = f"Did you mean '{near[0]}'?" if near else f"Known are {', '.join(known)}"
                raise UsageError(f"a drawing style has no '{key}'", where="style", remedy=remedy)
        given = dict(data)
        if isinstance(given.get("dash"), list):
            given["dash"] = tuple(given["dash"])
        return cls(**given)


def _wrong(name: str, value: object, wanted: str) -> UsageError:
    return UsageError(f"{name} is {value!r}", where=f"style.{name}", remedy=f"Give {wanted}")


def _number(value: object, name: str, low: float, high: float) -> None:
    sound = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not sound or not low <= value <= high:  # type: ignore[operator]
        raise _wrong(name, value, f"a number of pixels from {low:g} to {high:g}")


def _whole(value: object, name: str, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _wrong(name, value, f"a whole number of pixels from {low} to {high}")
