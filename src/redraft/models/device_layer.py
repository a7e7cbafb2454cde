"""What the devices of this machine are, behind one object, so that a test can put another machine in its place.

REDRAFT_DEVICE_LAYER=module:Class names the class to use; it is read in every process, those that are started to
train or to try a device out among them.
"""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

ENVIRONMENT = "REDRAFT_DEVICE_LAYER"


@dataclass(frozen=True, slots=True)
class ProbeEnd:
    """How the process that tried a device out ended. code: its exit status, minus the signal's number where one
    ended it, None where it was still running at the time limit. output: its standard output; said: the last line
    of its standard error."""

    code: int | None
    output: str
    said: str = ""


class DeviceLayer:
    """This machine as torch sees it."""

    in_use = "cpu"
    """The device that this process chose last: "cuda", "mps" or "cpu"."""

    def cuda(self) -> bool:
        return bool(torch.cuda.is_available())

    def mps(self) -> bool:
        """Whether torch offers Metal. It says so even where Metal then aborts the process."""
        return bool(torch.backends.mps.is_available())

    def macos(self) -> tuple[int, ...] | None:
        """The version of macOS, such as (26, 1); None on other systems."""
        version = platform.mac_ver()[0]
        return tuple(int(part) for part in version.split(".") if part.isdigit()) if version else None

    def system_build(self) -> str:
        """The operating system to the build, such as "macOS 26.1 (25B78) arm64"."""
        version = platform.mac_ver()[0]
        if not version:
            return f"{platform.system()} {platform.release()} {platform.machine()}"
        return f"macOS {version} ({_macos_build()}) {platform.machine()}"

    def cpu_bf16(self) -> str:
        """How this CPU computes in bf16: "amx" (matrix units), "vector" (instructions of its own), "emulated", or
        "unknown" where torch does not say."""
        asked = getattr(torch.cpu, "get_capabilities", None)
        if asked is None:
            return "unknown"
        known = {name for name, there in asked().items() if there is True and "bf16" in name}
        return "amx" if "amx_bf16" in known else "vector" if known else "emulated"

    def torch_device(self, name: str) -> torch.device:
        """The device of that name ("cuda", "mps" or "cpu") for tensors."""
        return torch.device(name)

    def fetch(self, tensor: Tensor) -> Tensor:
        """The tensor on the CPU, once the device has computed it."""
        return tensor.detach().cpu()

    def probe(self, seconds: float) -> ProbeEnd:
        """Runs `redraft.models.mps_probe` in a process of its own, for at most so many seconds.

        An OSError means that it could not be started.
        """
        command = [sys.executable, "-m", "redraft.models.mps_probe"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return ProbeEnd(None, "")
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return ProbeEnd(done.returncode, done.stdout.decode(errors="replace"), lines[-1] if lines else "")

    def empty_cache(self) -> None:
        """Gives Metal's memory that no tensor uses back to the system."""
        torch.mps.empty_cache()


def device_layer() -> DeviceLayer:
    """The layer of this process: the real one, or the one that REDRAFT_DEVICE_LAYER names."""
    return _layer(os.environ.get(ENVIRONMENT, ""))


@cache
def _layer(named: str) -> DeviceLayer:
    if not named:
        return DeviceLayer()
    module, _, name = named.partition(":")
    found: DeviceLayer = getattr(importlib.import_module(module), name)()
    return found


@cache
def _macos_build() -> str:
    try:
        done = subprocess.run(
            ["sw_vers", "-buildVersion"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown build"
    return done.stdout.strip() or "unknown build"
