"""From nothing to 3,300 conversations: 1,000 + 100 generated parts, three views each, exported for TinyLLaVA.

Runs the real commands. Promise: under 60 s on two cores, at most 27 MB of files.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
LIMIT_SECONDS, LIMIT_MB = 60, 27


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts, conversations = Path(folder) / "parts", Path(folder) / "conversations"
        steps = {
            "generate": ["data", "generate", "cad", str(parts), "--count", "1000", "--validation", "100"],
            "export": ["data", "export", str(parts), str(conversations), "--format", "tinyllava"],
            "check": ["data", "check", str(parts)],
        }
        load = os.getloadavg()[0]
        seconds, values = {}, {}
        for name, command in steps.items():
            started = time.perf_counter()
            done = subprocess.run([sys.executable, "-m", "redraft", *command, "--json"], check=True,
                                  capture_output=True, text=True)  # fmt: skip
            seconds[name] = round(time.perf_counter() - started, 1)
            values[name] = json.loads(done.stdout)
        megabytes = {"dataset": size_mb(parts), "conversations": size_mb(conversations)}
    result = {
        "parts": values["generate"]["examples"],
        "views": values["export"]["images"],
        "conversations": sum(values["export"]["conversations"].values()),
        "seconds": seconds,
        "megabytes": megabytes,
        "faults": len(values["check"]["faults"]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before, Python "
        f"{platform.python_version()}",
    }
    (HERE / "dataset_build.json").write_text(json.dumps(result, indent=2) + "\n")
    (HERE / "dataset_build.md").write_text(page(result))
    print(page(result))


def size_mb(folder: Path) -> float:
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 1)


def page(result: dict) -> str:
    seconds, megabytes = result["seconds"], result["megabytes"]
    total, size = seconds["generate"] + seconds["export"], sum(megabytes.values())
    return f"""# From nothing to 3,300 conversations

{result["parts"]:,} parts, {result["views"]:,} views of 512 x 512, {result["conversations"]:,} TinyLLaVA
conversations, by the real commands, process starts included. Made by `benchmarks/dataset_build.py`.

| step | seconds | MB |
|---|---|---|
| `data generate` | {seconds["generate"]} | {megabytes["dataset"]} |
| `data export` | {seconds["export"]} | {megabytes["conversations"]} |
| **both** (promised: under {LIMIT_SECONDS} s, {LIMIT_MB} MB) | **{total:.1f}** | **{size:.1f}** |
| `data check`: every part built and drawn again, {result["faults"]} faults | {seconds["check"]} | |

{result["machine"]}.
"""


if __name__ == "__main__":
    main()
