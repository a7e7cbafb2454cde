"""Which device trains, in which precision, and what this machine is."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from typing import Any

import torch

from redraft.core.place import place
from redraft.core.recipe import Recipe
from redraft.core.work import Work
from redraft.models.device_layer import device_layer

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""What a recipe's precisions are called in torch."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""As glibc's malloc.h numbers them."""
RETURNED = 8 * 2**20
"""Bytes from which a freed block is given back."""


def fit_precision(precision: str, device: torch.device, work: Work) -> str:
    """The recipe's precision, or the nearest one the device can train in, said out loud."""
    if (
        device.type == "cuda"
        and precision == "bf16"
        and not torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        work.log("this GPU has no bf16: training in fp16 instead", "warning")
        return "fp16"
    if precision == "fp16" and device.type != "cuda":
        work.log(f"fp16 does not train on {device.type}: training in fp32 instead", "warning")
        return "fp32"
    if precision == "bf16" and device.type == "mps":
        work.log("bf16 is not safe on MPS: training in fp32 instead", "warning")
        return "fp32"
    if precision == "bf16" and device.type == "cpu" and device_layer().cpu_bf16() == "emulated":
        work.log("this CPU emulates bf16, which is several times slower: training in fp32 instead", "warning")
        return "fp32"
    return precision


def weight_type(recipe: Recipe, precision: str) -> torch.dtype:
    """The type that weights are held in: fp32 where all are trained, the computing type under an adapter."""
    if recipe.model.adapter is None:
        return torch.float32
    return DTYPES[precision]


def make_accelerator(device: torch.device, precision: str) -> Any:
    """accelerate's view of this process: device, autocast, loss scaling, other processes.

    accelerate keeps one state a process; a second run in it with another precision needs a fresh one.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, PartialState

    if "WORLD_SIZE" not in os.environ and PartialState._shared_state:
        AcceleratorState._reset_state(reset_partial_state=True)
    mixed = "no" if precision == "fp32" else precision
    return Accelerator(mixed_precision=mixed, cpu=device.type == "cpu")


def set_threads(threads: int | None) -> int:
    """Sets and returns the threads of one tensor operation; by default all cores that this process may use, or its
    part of them where several processes train on this machine."""
    if threads is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        threads = max(cores // place().local_count, 1)
    torch.set_num_threads(threads)
    return torch.get_num_threads()


def return_freed_memory(device: torch.device) -> None:
    """Makes glibc give large freed blocks back to the system at once, on the CPU.

    Left alone, it raises its limit (M_MMAP_THRESHOLD, mallopt(3)) with each large block that is freed, up to
    32 MB, and keeps what it may need again; docs/speed.md has what that costs. Elsewhere nothing is done.
    """
    if device.type == "cpu" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            libc.mallopt(option, RETURNED)


def machine(device: torch.device, threads: int) -> dict[str, Any]:
    """What the bits and the speed of a run depend on."""
    facts = {
        "system": f"{platform.system()} {platform.machine()}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "cores": os.cpu_count(),
        "threads": threads,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
    return {name: value for name, value in facts.items() if value is not None}


def versions() -> dict[str, str]:
    from importlib.metadata import version

    names = (
        "redraft",
        "torch",
        "transformers",
        "peft",
        "accelerate",
        "safetensors",
        "tokenizers",
        "numpy",
        "pillow",
    )
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def peak_memory(device: torch.device) -> int:
    """Bytes: of the GPU's allocations, or the process's largest resident size."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    except ImportError:  # Windows keeps no peak in a form that Python reads; the present size is the best known
        import psutil

        return int(psutil.Process().memory_info().rss)
