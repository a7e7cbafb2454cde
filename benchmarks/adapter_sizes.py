"""How large adapters are on the shapes of published models, and how much less memory LoRA takes than the whole.

Sizes are counted on models made from their configuration on torch's meta device, without any weight: redraft's own
adapter is put on, and its numbers are counted. Memory is measured on a small decoder-heavy model, a process each,
in turns. Run from the checkout:

    python benchmarks/adapter_sizes.py [--rounds 3]

Writes adapter_sizes.json and adapter_sizes.md beside this file. Linux alone (memory is read from /proc).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SIDES = HERE / "train_sides"
sys.path.insert(0, str(SIDES))

from profiles import make_data  # noqa: E402
from published_shapes import SHAPES, Shape, counted  # noqa: E402
from train_table import machine_line  # noqa: E402

from redraft.models.small import build  # noqa: E402

RANK = 16
LIMIT_MB = 50
HEAVY: dict[str, Any] = {
    "width": 768,
    "layers": 10,
    "heads": 12,
    "kv_heads": 4,
    "feed_forward": 3072,
    "vocabulary": 8192,
    "vision_width": 64,
    "vision_layers": 1,
    "vision_heads": 2,
    "vision_feed_forward": 128,
    "picture": 224,
    "positions": 2048,
}
"""A Qwen2.5-VL nearly all of which is decoder, as published models are."""
LORA = {"r": RANK, "alpha": 32, "dropout": 0.0}
KINDS: dict[str, dict[str, Any]] = {
    "full": {"freeze": ["vision", "projector"]},
    "lora": {"freeze": ["vision", "projector"], "adapter": LORA},
}


HEAD = f"""
Written by `python benchmarks/adapter_sizes.py`. Sizes: redraft's adapter of rank {RANK}, put on a model made from
its published configuration without weights. Attention: q, k, v and o of the language model. In MB (10^6 bytes);
adapters are trained and saved in fp32, bf16 is what they take in 16 bits.
"""


def sizes(shape: Shape) -> dict[str, Any]:
    attention, total = counted(shape, RANK, experts=False)
    found: dict[str, Any] = {"parameters": total, "attention_numbers": attention, "source": shape.source}
    found["attention_mb_bf16"], found["attention_mb_fp32"] = attention * 2 / 1e6, attention * 4 / 1e6
    if shape.experts:
        both, _ = counted(shape, RANK, experts=True)
        found["expert_numbers"] = both - attention
        found["expert_mb_bf16"] = (both - attention) * 2 / 1e6
    return found


def memory(rounds: int, folder: Path) -> dict[str, Any]:
    """Bytes of a fine-tune: of the weights, and of the peak above the process with the loaded base."""
    build("qwen2_5_vl", folder / "model", **HEAVY)
    data = make_data("drawings", 8, folder / "model", folder / "data", answers=(0, 260))
    request = {
        "model": str(folder / "model"),
        "data": str(data),
        "count": 8,
        "epochs": 3,
        "batch": 1,
        "learning_rate": 1e-5,
        "threads": 2,
        "max_steps": 3,
        "settings": {"loss_chunk": 128},
    }
    peaks: dict[str, list[int]] = {kind: [] for kind in KINDS}
    weights = sum(file.stat().st_size for file in (folder / "model").glob("*.safetensors"))
    for _ in range(rounds):
        for kind, model in KINDS.items():
            work = folder / "run"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            told = {**request, "parts": model, "work": str(work / "files"), "result": str(work / "report.json")}
            (work / "request.json").write_text(json.dumps(told))
            subprocess.run(
                [sys.executable, str(SIDES / "ours.py"), str(work / "request.json")],
                env={**os.environ, "OMP_NUM_THREADS": "2"},
                check=True,
                stdout=subprocess.DEVNULL,
            )
            peaks[kind].append(json.loads((work / "report.json").read_text())["peak"])
    above = {kind: statistics.median(found) for kind, found in peaks.items()}
    return {
        "weights_bytes": weights,
        "above_loaded_bytes": above,
        "with_weights_bytes": {kind: value + weights for kind, value in above.items()},
        "ratio_above_loaded": above["lora"] / above["full"],
        "ratio_with_weights": (above["lora"] + weights) / (above["full"] + weights),
    }


def table(result: dict[str, Any]) -> str:
    lines = [
        "# Adapter sizes and LoRA's memory",
        "",
        HEAD.strip(),
        "",
        "| model | parameters | attention, numbers | fp32 | bf16 | experts besides, bf16 |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in result["sizes"].items():
        experts = f"{found['expert_mb_bf16']:,.0f} MB" if "expert_mb_bf16" in found else ""
        lines.append(
            f"| {name} | {found['parameters'] / 1e9:.2f} B | {found['attention_numbers']:,} "
            f"| {found['attention_mb_fp32']:.1f} MB | {found['attention_mb_bf16']:.1f} MB | {experts} |"
        )
    above = [name for name, found in result["sizes"].items() if found["attention_mb_fp32"] > LIMIT_MB]
    lines += [
        "",
        f"Above {LIMIT_MB} MB in fp32: {', '.join(above) if above else 'none'}.",
        "",
        "Where the shapes come from:",
        "",
        *(f"- {name}: {found['source']}" for name, found in result["sizes"].items()),
        "",
        "## Memory",
        "",
        "The same fine-tune of a small decoder-heavy Qwen2.5-VL "
        f"({result['memory']['weights_bytes'] / 1e6:,.0f} MB of fp32 weights),",
        f"batch 1, about 300 tokens, whole and by LoRA of rank {RANK}. Peaks of processes; medians of "
        f"{result['rounds']} rounds.",
        "",
        "| | above the loaded model | with its weights |",
        "|---|---|---|",
    ]
    for kind in KINDS:
        a = result["memory"]["above_loaded_bytes"][kind]
        b = result["memory"]["with_weights_bytes"][kind]
        lines.append(f"| {kind} | {a / 1e6:,.0f} MB | {b / 1e6:,.0f} MB |")
    lines += [
        f"| LoRA by full | {result['memory']['ratio_above_loaded']:.2f} "
        f"| {result['memory']['ratio_with_weights']:.2f} |",
        "",
        machine_line(),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    found = {shape.name: sizes(shape) for shape in SHAPES}
    with tempfile.TemporaryDirectory() as name:
        result = {
            "rank": RANK,
            "rounds": arguments.rounds,
            "sizes": found,
            "memory": memory(arguments.rounds, Path(name)),
        }
    text = table(result)
    (arguments.out / "adapter_sizes.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (arguments.out / "adapter_sizes.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
