"""Peak memory and time of a loss through a head, by chunks and through all logits at once.

Each way runs in a process of its own: 2,048 supervised tokens of width 256 in fp32, forward and backward, the head
trained. Counted is the peak of the process above what weights, hidden states and their gradients take, which both
ways need. Linux alone, as the peak is read from /proc. Run from the checkout:

    python benchmarks/loss_memory.py

Writes loss_memory.json and loss_memory.md beside this file.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TOKENS, WIDTH, THREADS, ROUNDS = 2048, 256, 1, 3
VOCABULARIES = (32_768, 65_536, 129_280)
WAYS = {"all": 0, "1024": 1024, "256": 256}


def main() -> int:
    if len(sys.argv) > 1:
        print(json.dumps(one_way(int(sys.argv[1]), int(sys.argv[2]))))
        return 0
    rows: list[dict[str, Any]] = []
    for vocabulary in VOCABULARIES:
        found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
        for _ in range(ROUNDS):
            for name, chunk in WAYS.items():
                command = [sys.executable, str(Path(__file__).resolve()), str(vocabulary), str(chunk)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                found[name].append(json.loads(done.stdout))
        losses = {run["loss"] for runs in found.values() for run in runs}
        assert max(losses) - min(losses) <= 2e-6 * max(losses), losses
        middle = {
            name: {key: statistics.median(run[key] for run in runs) for key in ("peak", "seconds")}
            for name, runs in found.items()
        }
        rows += [
            {
                "vocabulary": vocabulary,
                "chunk": chunk,
                "memory": round(middle[name]["peak"] / middle["all"]["peak"], 3),
                "speed": round(middle["all"]["seconds"] / middle[name]["seconds"], 2),
            }
            for name, chunk in WAYS.items()
            if chunk
        ]
        print(rows[-2:], file=sys.stderr)
    write(rows)
    return 0


def one_way(vocabulary: int, chunk: int) -> dict[str, float]:
    import torch
    from torch.nn import functional

    from redraft.models.head_loss import Finish, head_losses

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    head = torch.nn.Linear(WIDTH, vocabulary, bias=False)
    hidden = torch.randn(TOKENS, WIDTH, requires_grad=True)
    targets = torch.randint(0, vocabulary, (TOKENS,))
    # Both ways end with these gradients: they are there from the beginning, and not counted.
    head.weight.grad, hidden.grad = torch.zeros_like(head.weight), torch.zeros_like(hidden)

    def loss() -> torch.Tensor:
        if chunk:
            return head_losses(head, head.forward, hidden, targets, chunk, Finish(), True).sum()
        return functional.cross_entropy(head(hidden).float(), targets, reduction="sum")

    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    started = time.process_time()
    total = loss()
    total.backward()
    seconds = time.process_time() - started
    return {"peak": status("VmHWM") - before, "seconds": seconds, "loss": float(total.detach())}


def status(name: str) -> int:
    """A number of bytes that the kernel has of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}")


def write(rows: list[dict[str, Any]]) -> None:
    import torch

    machine = {"system": platform.platform(), "cores": os.cpu_count(), "torch": torch.__version__}
    data = {"machine": machine, "tokens": TOKENS, "width": WIDTH, "threads": THREADS, "rows": rows}
    (HERE / "loss_memory.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    lines = [
        "# Memory of the loss",
        "",
        f"Made by `python benchmarks/loss_memory.py`: {TOKENS:,} supervised tokens of width {WIDTH} through a",
        "trained head, forward and backward, beside the same loss through all logits at once. Memory is the peak",
        "above weights, hidden states and gradients (below 1 is less); speed is by the processor's time (above 1",
        "is faster).",
        "",
        "| vocabulary | chunk | memory | speed |",
        "|--:|--:|--:|--:|",
        *(f"| {r['vocabulary']:,} | {r['chunk']:,} | {r['memory']:.2f} | {r['speed']:.2f} |" for r in rows),
        "",
        f"Median of {ROUNDS} rounds, {machine['cores']} cores, {THREADS} thread, {machine['system']}, "
        f"torch {machine['torch']}.",
        "",
    ]
    (HERE / "loss_memory.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
