"""What `redraft doctor` says of devices and of the libraries that make them faster."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import time

import torch

from redraft.models.device_layer import device_layer
from redraft.models.mps import check_mps_stability, verdicts_file

Check = dict[str, str]
EDGE = 768
"""Edge of the matrices whose product is timed: of the size of a small model's layers."""


def check(name: str, state: str, finding: str, remedy: str = "") -> Check:
    """state: "ok", "warning" or "error"."""
    return {"name": name, "state": state, "finding": finding, "remedy": remedy}


def device_checks(probe: bool) -> list[Check]:
    """probe: try Metal out again even where a verdict is kept."""
    return [*_cuda(), *_mps(probe), _cpu(), _flash(), _bitsandbytes(), _compiler()]


def _cuda() -> list[Check]:
    if not torch.cuda.is_available():
        built = torch.version.cuda
        if built and shutil.which("nvidia-smi"):
            return [
                check("CUDA", "warning", f"torch is built for CUDA {built} and finds no GPU", "See nvidia-smi")
            ]
        if shutil.which("nvidia-smi"):
            say = "there is a driver, and torch is a build without CUDA"
            return [check("CUDA", "warning", say, "Install a CUDA build of torch into this environment")]
        return [check("CUDA", "ok", "none: training runs on another device")]
    found = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        say = (
            f"{torch.cuda.get_device_name(index)}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free, "
            f"bf16 {'native' if native else 'not there: fp16 is used'}"
        )
        found.append(check(f"CUDA {index}", "ok", say))
    return found


def _mps(probe: bool) -> list[Check]:
    layer = device_layer()
    if not layer.mps():
        return []
    verdict = check_mps_stability(again=probe)
    if verdict:
        return [check("MPS", "ok", verdict.reason)]
    remedy = f"Training takes the CPU. `redraft doctor --probe` tries again ({verdicts_file()})"
    return [check("MPS", "warning", f"not safe on {layer.system_build()}: {verdict.reason}", remedy)]


def _cpu() -> Check:
    kind = device_layer().cpu_bf16()
    ratio = bf16_speed()
    how = {"amx": "native (AMX)", "vector": "native", "emulated": "emulated", "unknown": "of unknown speed"}[kind]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    say = (
        f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads on {cores} cores; "
        f"bf16 is {how}, its matrix products {ratio:.2g} times as fast as in fp32"
    )
    return check(
        "CPU", "ok", say, "" if ratio >= 1 else "Train in fp32 on this CPU: precision bf16 is slower here"
    )


def bf16_speed() -> float:
    """Products of matrices a second in bf16 over those in fp32, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = {}
        for dtype in (torch.float32, torch.bfloat16):
            matrix = torch.ones(EDGE, EDGE, dtype=dtype)
            took = []
            for _ in range(4):
                started = time.perf_counter()
                matrix @ matrix
                took.append(time.perf_counter() - started)
            times[dtype] = min(took)
    finally:
        torch.set_num_threads(threads)
    return times[torch.float32] / times[torch.bfloat16]


def _flash() -> Check:
    return _optional(
        "FlashAttention", "flash_attn", "flash-attn", "attention is torch's own (sdpa), with the same results"
    )


def _bitsandbytes() -> Check:
    return _optional(
        "bitsandbytes", "bitsandbytes", "bitsandbytes", "model.quantise and train.optimiser: adamw_8bit need it"
    )


def _optional(name: str, module: str, package: str, without: str) -> Check:
    """A library that only GPUs use: its absence matters where there is one."""
    if importlib.util.find_spec(module) is not None:
        return check(name, "ok", importlib.metadata.version(package))
    if not torch.cuda.is_available():
        return check(name, "ok", "not installed, and of no use without CUDA")
    return check(name, "warning", f"not installed: {without}", f"pip install {package}, where you want it")


def _compiler() -> Check:
    """What train.compile needs: a C++ compiler for the CPU, Triton for CUDA."""
    compiler = next((found for name in ("g++", "clang++", "c++") if (found := shutil.which(name))), None)
    if torch.cuda.is_available() and importlib.util.find_spec("triton") is None:
        return check("compile", "warning", "Triton is not installed: train.compile fails", "pip install triton")
    if compiler is None:
        do = "Install one (Debian: apt-get install g++), or leave train.compile false"
        return check("compile", "warning", "no C++ compiler: train.compile fails", do)
    return check("compile", "ok", f"train.compile can use {compiler}")
