"""Where a launcher (torchrun, `accelerate launch`, a scheduler) has put this process among those of one run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from redraft.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Place:
    """rank: of this process among `count`, from 0. local_rank: among the `local_count` of this machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1


def place(environment: Mapping[str, str] | None = None) -> Place:
    """This process's place; one of its own without a launcher. A nonsensical environment is a UsageError."""
    given = os.environ if environment is None else environment
    if given.get("WORLD_SIZE", "1") == "1":
        return Place()
    try:
        rank, count = int(given["RANK"]), int(given["WORLD_SIZE"])
        local_count = int(given.get("LOCAL_WORLD_SIZE", count))
        found = Place(rank, count, int(given.get("LOCAL_RANK", rank)), local_count)
        if not (0 <= found.rank < found.count and 0 <= found.local_rank < found.local_count <= found.count):
            raise ValueError(str(found))
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"the launcher's environment says nothing usable ({error})",
            where="RANK, WORLD_SIZE, LOCAL_RANK",
            remedy="Start with torchrun or accelerate launch, or unset WORLD_SIZE",
        ) from None
    return found
