"""Whether Metal can be trained on here.

Metal's assertions abort the process while `torch.backends.mps.is_available()` stays true, and some builds compute
wrong numbers in silence. So training steps are tried in a child process and compared with the CPU's. The verdict
holds for one build of the system and one version of torch, and is kept in the state folder.
"""

from __future__ import annotations

import json
import math
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from redraft.core.atomic import write_json
from redraft.core.errors import OutputError
from redraft.core.home import home
from redraft.models.device_layer import DeviceLayer, ProbeEnd, device_layer

VERDICTS = "mps-stability.json"
SECONDS = 180.0
"""For the child process: importing torch takes most of it, and Metal compiles its kernels at the first step."""
TOLERANCE = 2e-3
"""Largest relative difference from the CPU's numbers, in fp32; sound builds stay far below it."""


@dataclass(frozen=True, slots=True)
class Stability:
    """stable: True or False as the probe found, None where it could not be run. reason: a sentence. True in a
    condition only where stable is True."""

    stable: bool | None
    reason: str

    def __bool__(self) -> bool:
        return self.stable is True


def check_mps_stability(
    *, again: bool = False, seconds: float = SECONDS, layer: DeviceLayer | None = None
) -> Stability:
    """Tries forward and backward on Metal in a child process, or reads the verdict of an earlier try.

    again: try even where a verdict is known. seconds: until the child counts as hung. layer: another machine than
    this one, for tests.
    """
    layer = layer or device_layer()
    if not layer.mps():
        return Stability(None, "torch offers no Metal device here")
    known = _known().get(_key(layer))
    if known is not None and not again:
        return Stability(bool(known["stable"]), str(known["reason"]))
    try:
        found = _judge(layer.probe(seconds), seconds)
    except OSError as error:
        return Stability(None, f"the process that tries Metal out could not be started ({error})")
    if found.stable is not None:
        _keep(layer, found)
    return found


def remember_loss(how: str, layer: DeviceLayer | None = None) -> None:
    """Keeps that a run lost Metal, so that later ones on this system and torch do not begin there."""
    _keep(layer or device_layer(), Stability(False, f"a run lost it ({how})"))


def verdicts_file() -> Path:
    return home() / VERDICTS


def _judge(end: ProbeEnd, seconds: float) -> Stability:
    if end.code is None:
        return Stability(False, f"training steps on it hang (nothing came back in {seconds:.0f} s)")
    if end.code < 0:
        return Stability(False, f"training steps on it end the process ({_signal(-end.code)})")
    try:
        numbers = json.loads(end.output)
        pairs = list(zip(numbers["cpu"], numbers["mps"], strict=True))
    except (ValueError, KeyError, TypeError):
        return Stability(False, f"training steps on it fail ({end.said or f'exit code {end.code}'})")
    worst = max((abs(a - b) / max(abs(a), 1e-6) for a, b in pairs), default=math.inf)
    if not worst <= TOLERANCE:  # NaN counts as wrong
        return Stability(False, f"it computes other numbers than the CPU (they differ by {worst:.1%})")
    return Stability(True, f"training steps on it give the CPU's numbers (within {worst:.1e})")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _key(layer: DeviceLayer) -> str:
    return f"{layer.system_build()}, torch {torch.__version__}"


def _known() -> dict[str, Any]:
    try:
        data = json.loads(verdicts_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    sound = isinstance(data, dict) and all(
        isinstance(verdict, dict) and {"stable", "reason"} <= verdict.keys() for verdict in data.values()
    )
    return data if sound else {}


def _keep(layer: DeviceLayer, found: Stability) -> None:
    verdict = {**asdict(found), "when": time.strftime("%Y-%m-%d %H:%M:%S")}
    try:
        verdicts_file().parent.mkdir(parents=True, exist_ok=True)
        write_json(verdicts_file(), {**_known(), _key(layer): verdict})
    except (OSError, OutputError):
        pass  # an unwritable state folder costs a probe a run, not the run
