"""Tells a lost device from a mistake: after it nothing more can be computed in this process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from redraft.core.errors import DeviceLost
from redraft.models.device_layer import device_layer

SIGNS = re.compile(
    r"CUDA error|cudaError|CUBLAS_STATUS|CUDNN_STATUS|NCCL error|\bMPS\b|Metal|MTL[A-Z]|[Cc]ommand ?[Bb]uffer"
)
"""What torch writes where a driver failed. Metal's messages name its own types."""
FULL = re.compile(r"out of memory", re.IGNORECASE)
"""A full device is no lost one."""


def is_device_loss(error: BaseException) -> bool:
    """Whether an error means that the device is gone; one for want of memory does not."""
    if isinstance(error, torch.OutOfMemoryError) or not isinstance(error, RuntimeError):
        return False
    said = str(error)
    return not FULL.search(said) and (isinstance(error, torch.AcceleratorError) or bool(SIGNS.search(said)))


@contextmanager
def device_watch() -> Iterator[None]:
    """Turns a device's failure inside into DeviceLost, which whoever started the process answers with the CPU."""
    try:
        yield
    except RuntimeError as error:
        name = device_layer().in_use
        if name == "cpu" or not is_device_loss(error):
            raise
        first = str(error).strip().splitlines()[0]
        raise DeviceLost(
            f"the device was lost ({first})",
            where=name,
            remedy="Continue on the CPU with `redraft train --resume RUN`, which does so by itself",
        ) from error
