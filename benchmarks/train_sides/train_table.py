"""From reports to figures, ratios and a table."""

from __future__ import annotations

import os
import platform
import statistics
from datetime import date
from pathlib import Path
from typing import Any

TARGETS = {
    "pages": {"first_epoch": 1.0, "later_epoch": 3.0, "memory": 0.6},
    "drawings": {"later_epoch": 1.5, "memory": 0.6},
}
"""At least so many times the best peer's speed; at most so much of its memory."""


HEAD = """
Written by `python benchmarks/train_peers.py`. The same weights, examples, supervised tokens (counted on each side,
and equal), batch size, fp32 and two threads; vision encoder and merger frozen, the decoder trained. The losses of
the first two steps agree (TRL's to 1e-4, ms-swift's to 1e-2). First epoch: from the loaded model to its end, so
that ours holds the reading of all examples and the writing of the feature cache. Later: the median of the other
epochs. Memory: the largest resident size above that of the process with the loaded model. Each trainer runs in a
process and an environment of its own, in turns; medians of all rounds.
"""


def figures(reports: list[dict[str, Any]], count: int) -> dict[str, Any]:
    """Medians over rounds; a later epoch is the median of all but the first of a run. Processor seconds stand
    beside the speeds, as a busy machine disturbs them less."""
    first = statistics.median(report["wall"][0] for report in reports)
    later = statistics.median(statistics.median(report["wall"][1:]) for report in reports)
    return {
        "first_epoch": count / first,
        "later_epoch": count / later,
        "supervised_tokens_per_second": reports[0]["supervised"] / later,
        "memory_bytes": statistics.median(report["peak"] for report in reports),
        "loaded_bytes": statistics.median(report["loaded"] for report in reports),
        "processor_seconds_first": statistics.median(report["processor"][0] for report in reports),
        "processor_seconds_later": statistics.median(statistics.median(r["processor"][1:]) for r in reports),
        "supervised_tokens": reports[0]["supervised"],
        "first_losses": reports[0]["losses"][:2],
        "trainable": reports[0]["trainable"],
        "settings": reports[0]["settings"],
        "versions": reports[0]["versions"],
    }


def ratios(found: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Ours by the best peer's, of each figure: above 1 is faster; memory below 1 is less."""
    ours, peers = found["redraft"], [value for side, value in found.items() if side != "redraft"]
    return {
        "first_epoch": ours["first_epoch"] / max(peer["first_epoch"] for peer in peers),
        "later_epoch": ours["later_epoch"] / max(peer["later_epoch"] for peer in peers),
        "memory": ours["memory_bytes"] / min(peer["memory_bytes"] for peer in peers),
    }


def table(result: dict[str, Any]) -> str:
    from profiles import __doc__ as about

    assert about is not None
    lines = [
        "# Training beside peers",
        "",
        HEAD.strip(),
        "",
        about.split("\n\n", 1)[1].strip(),
        "",
    ]
    for profile, found in result["profiles"].items():
        lines += [
            f"## {profile}",
            "",
            "| | examples/s, first epoch | later | supervised tokens/s | memory above the model "
            "| processor seconds an epoch |",
            "|---|---|---|---|---|---|",
        ]
        for side, value in found.items():
            lines.append(
                f"| {side} | {value['first_epoch']:.2f} | {value['later_epoch']:.2f} "
                f"| {value['supervised_tokens_per_second']:.0f} | {value['memory_bytes'] / 1e6:,.0f} MB "
                f"| {value['processor_seconds_first']:.1f}, then {value['processor_seconds_later']:.1f} |"
            )
        lines += ["", _judgement(profile, result["ratios"][profile]), ""]
    lines += ["## Settings and versions", ""]
    for side, value in next(iter(result["profiles"].values())).items():
        settings = ", ".join(f"{name} {setting}" for name, setting in value["settings"].items())
        versions = ", ".join(f"{name} {number}" for name, number in value["versions"].items())
        lines.append(f"- {side}: {settings}. {versions}.")
    missing = "".join(f" {side} is not installed here." for side in result["not_installed"])
    lines += [
        "",
        "ms-swift reads pictures by qwen_vl_utils, with an empty stand-in for torchvision for its videos.",
        "",
        f"{result['count']} examples a profile, batch {result['batch']}, {result['epochs']} epochs, "
        f"{result['rounds']} rounds. {machine_line()}{missing}",
    ]
    return "\n".join(lines) + "\n"


def _judgement(profile: str, found: dict[str, float]) -> str:
    said = []
    for name, value in found.items():
        target = TARGETS[profile].get(name)
        kind = "at most" if name == "memory" else "at least"
        goal = f" (aim: {kind} {target})" if target is not None else ""
        said.append(f"{name.replace('_', ' ')} {value:.2f}{goal}")
    return "Ours by the best peer's: " + ", ".join(said) + "."


def machine_line() -> str:
    """The machine and the day, as a sentence."""
    name = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, {date.today().isoformat()}."
