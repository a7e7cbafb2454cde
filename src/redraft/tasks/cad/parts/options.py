"""What kinds of parts are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from redraft.core.errors import UsageError

LEVELS = ("simple", "full")
FAMILIES: dict[str, float] = {
    "plate": 22,
    "block": 16,
    "bracket": 16,
    "flange": 12,
    "shaft": 9,
    "profile": 11,
    "link": 7,
    "tray": 7,
}
"""The families and their default weights, of the level "full"."""
SIMPLE: dict[str, float] = {"plate": 40, "block": 30, "flange": 15, "bracket": 15}


@dataclass(frozen=True, slots=True)
class PartOptions:
    """level: "full", or "simple": 1 to 3 extrusions with few forms, for models that learn in minutes.

    max_extrusions: 1 to 6. families: weights by name; empty takes the level's own. lattice: all coordinates are
    multiples of the part's longest side divided by 128 (often by 32 or 64), so that a grid of 128 steps holds
    them; without it, sides and grid have nothing in common. A wrong value is a UsageError.
    """

    level: str = "full"
    max_extrusions: int = 6
    families: Mapping[str, float] = field(default_factory=dict)
    lattice: bool = True

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise _wrong("level", self.level, f"one of {', '.join(LEVELS)}")
        count = self.max_extrusions
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 6:
            raise _wrong("max_extrusions", count, "a whole number from 1 to 6")
        if not isinstance(self.lattice, bool):
            raise _wrong("lattice", self.lattice, "true or false")
        if not isinstance(self.families, Mapping):
            raise _wrong("families", self.families, "a mapping of family to weight")
        for name, weight in self.families.items():
            if name not in FAMILIES:
                raise UsageError(
                    f"there is no family '{name}'", where="families", remedy=f"Known are {', '.join(FAMILIES)}"
                )
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e9:
                raise _wrong(f"families.{name}", weight, "a weight of 0 or more")
        if self.families and sum(self.families.values()) <= 0:
            raise _wrong("families", dict(self.families), "at least one weight above 0")

    @property
    def weights(self) -> Mapping[str, float]:
        return self.families or (SIMPLE if self.level == "simple" else FAMILIES)

    def as_data(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "max_extrusions": self.max_extrusions,
            "families": dict(self.families),
            "lattice": self.lattice,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> PartOptions:
        """Reads `as_data` back; missing keys take their defaults, an unknown one is a UsageError."""
        known = {f.name for f in fields(cls)}
        for key in data:
            if key not in known:
                raise UsageError(f"parts have no option '{key}'", remedy=f"Known are {', '.join(sorted(known))}")
        return cls(**data)


def _wrong(name: str, value: object, wanted: str) -> UsageError:
    return UsageError(f"{name} is {value!r}", where=name, remedy=f"Give {wanted}")
