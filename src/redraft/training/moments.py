"""The optimiser's moments of a checkpoint as this process holds them, whoever wrote them.

A sharded run writes a file a process, each with its part of every tensor along the first dimension; any other run
writes whole tensors into the first file. A run may go on with another number of processes, or sharded where it was
not: its parts are joined and cut again.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from redraft.training.checkpoint import load, tensors_named
from redraft.training.checkpoint_write import shard_name
from redraft.training.optimiser import trained
from redraft.training.parallel import Whole
from redraft.training.processes import Processes

PREFIX = "optimiser/"


def moments(
    folder: Path, state: dict[str, Any], model: nn.Module, spread: Whole, processes: Processes
) -> dict[str, Tensor]:
    """What `optimiser.load_state` takes. folder: a verified checkpoint. state: its state.json."""
    parameters = trained(model)

    def split(name: str, whole: Tensor) -> Tensor:
        parameter = parameters.get(name.partition("//")[0])
        return whole if parameter is None else spread.split(parameter, whole)

    writers = int(state.get("processes", 1)) if state.get("sharded") else 1
    if writers == 1:
        _, found = load(folder)
        return {name: split(name, tensor) for name, tensor in tensors_named(found, PREFIX)}
    joined: dict[str, Tensor] = {}
    with ExitStack() as stack:
        files = [
            stack.enter_context(safe_open(folder / shard_name(rank, writers), framework="pt"))
            for rank in range(writers)
        ]
        for key in files[0].keys():  # noqa: SIM118  (no dict: it has no other way to be listed)
            if not key.startswith(PREFIX):
                continue
            parts = [file.get_tensor(key) for file in files]
            whole = parts[0] if parts[0].ndim == 0 else torch.cat(parts)
            name = key.removeprefix(PREFIX)
            joined[name] = split(name, whole)
    return joined
