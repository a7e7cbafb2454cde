"""How much memory the kept models may take."""

from __future__ import annotations

import os

from redraft.core.environment import number
from redraft.worker.machine_memory import memory_limit

VARIABLE = "REDRAFT_ANSWER_MEMORY_GB"
SHARE = 0.5
"""Of the memory that the models live in, where the variable does not say otherwise."""


def memory_said() -> int | None:
    """Bytes, as the operator says; a UsageError for what is no number of GiB."""
    if not os.environ.get(VARIABLE, "").strip():
        return None
    return int(number(VARIABLE, 0.0, least=0.001, most=2**20, unit="GiB") * 2**30)


def memory_to_use() -> int:
    """Bytes that models may take: as the operator says, else a share of the memory that they live in."""
    said = memory_said()
    if said is not None:
        return said
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory * SHARE)
    return int(memory_limit().total * SHARE)
