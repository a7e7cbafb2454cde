"""Which device a model runs on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from redraft.core.errors import RecipeError
from redraft.core.work import Work
from redraft.models.device_layer import device_layer
from redraft.models.mps import check_mps_stability

UNSAFE_FROM = 26
"""The first macOS whose Metal is trusted only after it was tried out."""


@dataclass(frozen=True, slots=True)
class Choice:
    """name: "cuda", "mps" or "cpu". device: for tensors. why: a sentence where another was asked for, or might
    have been expected; else empty."""

    name: str
    device: torch.device
    why: str = ""


def choose_device(name: str, work: Work | None = None) -> torch.device:
    """The device to use for a recipe's `device`: see `choose`. work: is told where it is not the one asked for."""
    choice = choose(name)
    if choice.why and work is not None:
        work.log(choice.why, "warning")
    return choice.device


def choose(name: str) -> Choice:
    """auto: CUDA, else Metal (mps) where `check_mps_stability` passes, else the CPU.

    mps by name: the CPU instead where the probe fails, and on macOS 26 and later also where it could not be run.
    Another named device that is not there is a RecipeError.
    """
    layer = device_layer()
    there = {"cuda": layer.cuda(), "mps": layer.mps(), "cpu": True}
    if name != "auto" and not there.get(name, False):
        known = ", ".join(kind for kind, found in there.items() if found)
        raise RecipeError(
            f"there is no device '{name}' here", where="device", remedy=f"Give device: auto, or one of: {known}"
        )
    best = next(kind for kind, found in there.items() if found) if name == "auto" else name
    why = _against_metal(name == "mps") if best == "mps" else ""
    layer.in_use = "cpu" if why else best
    return Choice(layer.in_use, layer.torch_device(layer.in_use), why)


def _against_metal(asked_for: bool) -> str:
    """Why Metal is not to be used here; empty where it may be."""
    verdict, macos = check_mps_stability(), device_layer().macos() or (0,)
    untried = verdict.stable is None
    if verdict or (untried and asked_for and macos[0] < UNSAFE_FROM):
        return ""
    system = f" on macOS {'.'.join(map(str, macos))}" if macos[0] else ""
    return f"Metal (mps) is not safe{system}: {verdict.reason}. The CPU is used instead"
