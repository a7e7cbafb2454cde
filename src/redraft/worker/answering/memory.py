"""How much memory the kept models may take."""

from __future__ import annotations

import os

from redraft.core.errors import UsageError
from redraft.worker.machine_memory import memory_limit

VARIABLE = "REDRAFT_ANSWER_MEMORY_GB"
SHARE = 0.5
"""Of the memory that the models live in, where the variable does not say otherwise."""


def memory_said() -> int | None:
    """Bytes, as the operator says; a UsageError for what is no number of GiB."""
    said = os.environ.get(VARIABLE)
    if not said:
        return None
    try:
        limit = float(said)
    except ValueError:
        limit = 0.0
    if not 0 < limit < 2**20:
        raise UsageError("this is no number of GiB", where=VARIABLE, remedy="Set it to a number such as 8")
    return int(limit * 2**30)


def memory_to_use() -> int:
    """Bytes that models may take: as the operator says, else a share of the memory that they live in."""
    said = memory_said()
    if said is not None:
        return said
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory * SHARE)
    return int(memory_limit().total * SHARE)
