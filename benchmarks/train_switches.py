"""What each switch of training does to the time of a step and to its memory, beside the same run without it.

A small Qwen2.5-VL with a frozen vision side and a trained decoder learns drawn examples (three views of 512
pixels, answers of 40 to 260 words), each setting in a process of its own; the settings take turns, and the median
of all rounds counts. Time is that from the end of the first epoch on, in examples a second of the clock and of the
processor; memory is the peak of the whole process above what the loaded model takes. Ratios alone are kept: the
machine is noisy. Linux alone, as the peak is read from /proc. Run from the checkout:

    python benchmarks/train_switches.py [--rounds 3] [--examples 24] [--only bf16,cache]

Writes train_switches.json and train_switches.md beside this file.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import io
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
THREADS = 2
SIZES: dict[str, Any] = {
    "width": 128,
    "layers": 4,
    "heads": 4,
    "kv_heads": 2,
    "feed_forward": 384,
    "vocabulary": 32_768,
    "tied": True,
    "positions": 8192,
    "vision_width": 96,
    "vision_layers": 6,
    "vision_heads": 4,
    "vision_feed_forward": 384,
    "picture": 512,
    "patch": 14,
    "merge": 4,
}
BASE: dict[str, Any] = {
    "precision": "fp32",
    "feature_cache": "off",
    "loss_chunk": 0,
    "gradient_checkpointing": False,
    "compile": False,
    "batch_size": 8,
}
CACHED = {"feature_cache": "on"}
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "none": ("nothing switched on", {}),
    "bf16": ("`precision: bf16`", {"precision": "bf16"}),
    "cache": ("`feature_cache: on`", CACHED),
    "chunk": ("`loss_chunk: 1024`", {"loss_chunk": 1024}),
    "chunk_256": ("`loss_chunk: 256`", {"loss_chunk": 256}),
    "tokens": ("`batch_tokens: 4096`", {"batch_tokens": 4096}),
    "pack": ("`batch_tokens: 4096, pack: true`", {"batch_tokens": 4096, "pack": True}),
    "checkpointing": ("`gradient_checkpointing: true`", {"gradient_checkpointing": True}),
    "compile": ("`compile: true`", {"compile": True}),
    "cache_compile": ("`feature_cache: on, compile: true`", {**CACHED, "compile": True}),
    "cache_chunk": ("`feature_cache: on, loss_chunk: 1024`", {**CACHED, "loss_chunk": 1024}),
    "cache_chunk_pack": (
        "`feature_cache: on, loss_chunk: 1024, batch_tokens: 4096, pack: true`",
        {**CACHED, "loss_chunk": 1024, "batch_tokens": 4096, "pack": True},
    ),
}
DEFAULTS = {
    "bf16": "off (`precision: fp32`)",
    "cache": "on where the encoder is frozen and epochs are above 1 (`auto`)",
    "chunk_256": "on",
    "tokens": "off (`batch_size: 8`)",
    "pack": "off",
    "checkpointing": "off",
    "compile": "off",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=24)
    parser.add_argument("--only", default=",".join(SETTINGS), help="names of settings, separated by commas")
    parser.add_argument("--child", nargs=3, metavar=("NAME", "FOLDER", "EXAMPLES"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        name, folder, count = given.child
        print(json.dumps(one_run(name, Path(folder), int(count))))
        return 0
    names = ["none", *(name for name in given.only.split(",") if name != "none")]
    unknown = sorted(set(names) - set(SETTINGS))
    if unknown:
        parser.error(f"there is no setting '{unknown[0]}'; the settings are {', '.join(SETTINGS)}")
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        build_model(Path(folder) / "model")
        for turn in range(given.rounds):
            for name in names:
                done = in_a_process(name, Path(folder), given.examples)
                found[name].append(done)
                speed, peak = done["examples_per_second"], done["peak_bytes"] / 2**20
                print(f"round {turn + 1} {name}: {speed:.2f} examples/s, {peak:.0f} MiB", file=sys.stderr)
    write(report(found, given))
    return 0


def in_a_process(name: str, folder: Path, examples: int) -> dict[str, float]:
    home = folder / "home" / name
    command = [sys.executable, str(Path(__file__).resolve()), "--child", name, str(folder), str(examples)]
    environment = {**os.environ, "REDRAFT_HOME": str(home), "OMP_NUM_THREADS": str(THREADS)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def build_model(folder: Path) -> None:
    from redraft.models import small

    small.build("qwen2_5_vl", folder, **SIZES)


def one_run(name: str, folder: Path, count: int) -> dict[str, float]:
    """Two epochs of one setting in this process."""
    import torch

    from redraft.core.recipe import recipe_from_data
    from redraft.core.work import Silent
    from redraft.models.encode import Encoder
    from redraft.models.load import load_model
    from redraft.training import run
    from redraft.training.loop import train

    settings = {**BASE, **SETTINGS[name][1], "epochs": 2, "threads": THREADS, "learning_rate": 1e-4}
    recipe = recipe_from_data(
        {
            "task": "cad",
            "dataset": "none",
            "model": {"base": str(folder / "model"), "freeze": ["vision", "projector"]},
            "train": settings,
        }
    )

    class Clock(Silent):
        """When each step was told, by the clock and in seconds of the processor."""

        def metric(self, values: Any) -> None:
            if values["kind"] == "step":
                self.rows.append(dict(values))
                self.times.append((time.perf_counter(), time.process_time()))

    clock = Clock()
    clock.rows, clock.times = [], []
    torch.set_num_threads(THREADS)
    loaded = load_model(recipe.model)
    examples = drawn_examples(count)
    encoder = Encoder(loaded)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    target = Path(tempfile.mkdtemp(dir=folder)) / "run"
    run.begin(target, recipe)
    train(loaded, encoder, examples, recipe, target, clock)
    peak = status("VmHWM") - before
    first = max(i for i, row in enumerate(clock.rows) if row["epoch"] <= 1.0 + 1e-6)
    wall, processor = (clock.times[-1][k] - clock.times[first][k] for k in (0, 1))
    examples_later = sum(row["examples"] for row in clock.rows[first + 1 :])
    return {
        "examples_per_second": examples_later / wall,
        "examples_per_processor_second": examples_later / processor,
        "first_step_seconds": clock.rows[0]["seconds"],
        "peak_bytes": peak,
        "last_loss": clock.rows[-1]["loss"],
    }


def status(name: str) -> int:
    """A number of bytes that the kernel has of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {name}")


def drawn_examples(count: int) -> list[Any]:
    """Three views of random boxes, and words of which there are 40 to 260."""
    from PIL import Image as Pictures
    from PIL import ImageDraw

    from redraft.core.example import Example, Image, message
    from redraft.models.small._shared import WORDS

    draw, words = random.Random(0), WORDS.split()
    found = []
    for number in range(count):
        images = []
        for view in ("front", "top", "right"):
            picture = Pictures.new("RGB", (512, 512), "white")
            pen = ImageDraw.Draw(picture)
            for _ in range(6):
                left, top = draw.randint(0, 400), draw.randint(0, 400)
                pen.rectangle(
                    [left, top, left + draw.randint(10, 110), top + draw.randint(10, 110)], outline="black"
                )
            file = io.BytesIO()
            picture.save(file, "PNG")
            images.append(Image(f"{view}.png", file.getvalue()))
        answer = " ".join(draw.choice(words) for _ in range(draw.randint(40, 260)))
        asked = message("user", "What is drawn here?", images=3)
        found.append(Example(f"drawn-{number}", tuple(images), (asked, message("assistant", answer)), {}))
    return found


def report(found: dict[str, list[dict[str, float]]], given: argparse.Namespace) -> dict[str, Any]:
    import torch
    import transformers

    def middle(name: str, key: str) -> float:
        return statistics.median(run[key] for run in found[name])

    ratios = {
        name: {
            "speed": round(middle(name, "examples_per_second") / middle("none", "examples_per_second"), 2),
            "processor": round(
                middle(name, "examples_per_processor_second") / middle("none", "examples_per_processor_second"), 2
            ),
            "memory": round(middle(name, "peak_bytes") / middle("none", "peak_bytes"), 2),
            "first_step": round(middle(name, "first_step_seconds") / middle("none", "first_step_seconds"), 2),
        }
        for name in found
    }
    return {
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "threads": THREADS},
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,  # type: ignore[attr-defined]
        },
        "rounds": given.rounds,
        "examples": given.examples,
        "ratios": ratios,
        "defaults": DEFAULTS,
    }


def write(data: dict[str, Any]) -> None:
    (HERE / "train_switches.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    lines = [
        "# The switches of training",
        "",
        "Made by `python benchmarks/train_switches.py`: a Qwen2.5-VL of 6 vision and 4 decoder layers with 32,768",
        "rows of vocabulary, frozen vision side, three views of 512 pixels and 40 to 260 words an example, beside",
        "the same run with nothing switched on. Speed is examples a second from the second epoch on, by the clock",
        "and by the processor's time (above 1 is faster); memory is the peak above the loaded model (below 1 is",
        "less); the first step holds what is made once.",
        "",
        "| switch | speed | by processor time | memory | first step | default |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for name, ratio in data["ratios"].items():
        if name == "none":
            continue
        numbers = " | ".join(f"{ratio[key]:.2f}" for key in ("speed", "processor", "memory", "first_step"))
        lines.append(f"| {SETTINGS[name][0]} | {numbers} | {data['defaults'].get(name, '')} |")
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    lines += [
        "",
        f"Median of {data['rounds']} rounds on {data['machine']['cores']} cores ({data['cpu']}), "
        f"{data['machine']['threads']} threads, {data['machine']['system']}; {versions}.",
        "",
    ]
    (HERE / "train_switches.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
