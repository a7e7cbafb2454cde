"""A machine with Metal, for tests on one without: its device computes on the CPU, and fails as Metal is told to.

METAL names the fault: "sound", "aborts", "hangs", "wrong" or "fails" where the probe runs, "lost" in the middle of
a run (when its memory is cleared), "error" there with a RuntimeError as Metal's, "all lost" on the CPU too.
METAL_PROBE: "none" where its process cannot be started. METAL_MACOS: the version of the system. METAL_CPU_BF16:
what its CPU makes of bf16.
"""

from __future__ import annotations

import os
import time

import torch
from torch import Tensor

from redraft.models.device_layer import DeviceLayer, ProbeEnd


class Metal(DeviceLayer):
    tries = 0

    def cuda(self) -> bool:
        return False

    def mps(self) -> bool:
        return True

    def macos(self) -> tuple[int, ...] | None:
        return tuple(int(part) for part in os.environ.get("METAL_MACOS", "26.1").split("."))

    def system_build(self) -> str:
        return f"macOS {os.environ.get('METAL_MACOS', '26.1')} (test)"

    def cpu_bf16(self) -> str:
        return os.environ.get("METAL_CPU_BF16") or super().cpu_bf16()

    def torch_device(self, name: str) -> torch.device:
        if name == "cpu" and os.environ.get("METAL") == "all lost":
            os.abort()
        return torch.device("cpu")

    def fetch(self, tensor: Tensor) -> Tensor:
        fault = os.environ.get("METAL")
        if fault == "aborts":
            os.abort()
        if fault == "hangs":
            time.sleep(600)
        if fault == "fails":
            raise RuntimeError("MPS backend: a kernel is missing")
        return super().fetch(tensor) * (1.01 if fault == "wrong" else 1.0)

    def probe(self, seconds: float) -> ProbeEnd:
        self.tries += 1
        if os.environ.get("METAL_PROBE") == "none":
            raise OSError("no more processes")
        return super().probe(seconds)

    def empty_cache(self) -> None:
        if os.environ.get("METAL") in ("lost", "all lost"):
            os.abort()
        if os.environ.get("METAL") == "error":
            raise RuntimeError("MPS: [MTLCommandBuffer commit] failed: device removed")
