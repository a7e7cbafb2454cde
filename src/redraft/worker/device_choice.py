"""Which device a verb takes: its recipe's, or the CPU after the recipe's was lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from redraft.core.recipe import Recipe
from redraft.core.work import Work
from redraft.models.device import choose_device
from redraft.models.device_layer import device_layer
from redraft.models.mps import remember_loss
from redraft.training import run


def take_device(request: Mapping[str, Any], recipe: Recipe, work: Work) -> torch.device:
    """The device that a request names (`device`), else the recipe's; tells the Work which it is."""
    device = choose_device(str(request.get("device") or recipe.device), work)
    work.metric({"kind": "device", "device": device_layer().in_use})
    return device


def after_loss(request: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    """The request to go on with. After a loss (`lost`: {device, how}) a run that had begun is resumed; one that
    had not begins again."""
    lost = request.get("lost")
    if not lost:
        return request
    if lost["device"] == "mps":
        remember_loss(str(lost["how"]))
        work.log("later runs with device: auto take the CPU too, until `redraft doctor --probe` finds Metal safe")
    out = request.get("out")
    if not request.get("resume") and out and run.is_run(Path(out)):
        return {"resume": out, "device": request["device"], "lost": lost}
    return request
