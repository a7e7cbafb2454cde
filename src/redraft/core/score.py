"""What a task says of an answer: a value and a reason. And what a check says of an example: a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Detail = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class Score:
    """value: 0 (worst, every failure) to 1 (best). reason: "ok", or the code of the failure.

    details: further measures by name, as the task's README documents them; None where one does not exist.
    """

    value: float
    reason: str = "ok"
    details: Mapping[str, Detail] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.reason == "ok"

    def as_data(self) -> dict[str, Any]:
        return {"value": self.value, "reason": self.reason, "details": dict(self.details)}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with one example of a dataset. An error spoils training; a warning is worth a look."""

    id: str
    kind: str
    severity: Literal["error", "warning"]
    reason: str

    def as_data(self) -> dict[str, str]:
        return {"id": self.id, "kind": self.kind, "severity": self.severity, "reason": self.reason}
