"""Measures on this machine what data and training take, extrapolates, and writes docs/estimates.md.

python scripts/write_estimates.py            measures (a few minutes), writes estimates.json and estimates.md
python scripts/write_estimates.py --check    only compares the page with the figures beside it
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from redraft.cli.plan import count, duration, size

DOCS = Path(__file__).parents[1] / "docs"
PAGE, FIGURES = DOCS / "estimates.md", DOCS / "estimates.json"
COUNTS = (1_000, 10_000, 50_000)
PARTS = 200
"""Parts that are drawn and trained on for the measured figures."""
RANK = 16
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj")
ANSWER = 300
"""Tokens of question and answer assumed for the real-sized models: a drawing's are 200 to 400."""
GPU_FLOPS, GPU_USE = 989e12, 0.35
"""An H100's dense bf16 peak (its data sheet), and the part of it that good training loops reach (33 to 39 %)."""
ACTIVATIONS = 34
"""Bytes a token, layer and width of activations in 16 bits without the attention matrix: Korthikanti et al. 2022,
"Reducing Activation Recomputation in Large Transformer Models", equation 2."""


@dataclass(frozen=True)
class Shape:
    """A published model by its configuration. view_tokens, view_patches: of one 512 x 512 view."""

    name: str
    model_type: str
    text: dict[str, Any]
    vision: dict[str, Any]
    more: dict[str, Any]
    view_tokens: int
    view_patches: int
    feature_layers: int = 1
    """Outputs of the encoder kept an image token: 1, and one more for each level the decoder reads besides."""


SHAPES = (
    Shape(
        "SmolVLM-500M",
        "smolvlm",
        {
            "model_type": "llama",
            "hidden_size": 960,
            "intermediate_size": 2560,
            "num_hidden_layers": 32,
            "num_attention_heads": 15,
            "num_key_value_heads": 5,
            "head_dim": 64,
            "vocab_size": 49280,
        },
        {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "image_size": 512,
            "patch_size": 16,
        },
        {"scale_factor": 4},
        view_tokens=64,
        view_patches=1024,
    ),
    Shape(
        "Qwen3-VL-2B",
        "qwen3_vl",
        {
            "hidden_size": 2048,
            "intermediate_size": 6144,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 151936,
            "tie_word_embeddings": True,
        },
        {
            "depth": 24,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_heads": 16,
            "out_hidden_size": 2048,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "deepstack_visual_indexes": [5, 11, 17],
        },
        {"tie_word_embeddings": True},
        view_tokens=256,
        view_patches=1024,
        feature_layers=4,
    ),
)


def counted(shape: Shape) -> dict[str, Any]:
    """Parameters of the model and of its adapter, from its configuration on torch's meta device: no weights."""
    import torch
    from torch import nn
    from transformers import AutoConfig, AutoModelForImageTextToText

    from redraft.models.adapter import target_names

    config = AutoConfig.for_model(
        shape.model_type, text_config=shape.text, vision_config=shape.vision, **shape.more
    )
    with torch.device("meta"):
        model: Any = AutoModelForImageTextToText.from_config(config)
    modules = dict(model.named_modules())
    linear = [modules[name] for name in target_names(model, TARGETS)]
    assert all(isinstance(module, nn.Linear) for module in linear)
    text = config.get_text_config()
    vision = sum(p.numel() for name, p in model.named_parameters() if ".visual." in name or ".vision" in name)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "vision": vision,
        "language": sum(p.numel() for p in model.get_decoder().parameters()),
        "adapter": sum(RANK * (module.in_features + module.out_features) for module in linear),
        "width": text.hidden_size,
        "layers": text.num_hidden_layers,
    }


def estimate(shape: Shape, found: dict[str, Any], batch: int = 8) -> dict[str, Any]:
    """What LoRA on three views an example takes, by the formulas of the page."""
    tokens = 3 * shape.view_tokens + ANSWER
    decoder = 4 * found["language"] * tokens
    encoder = 2 * found["vision"] * 3 * shape.view_patches
    return {
        "tokens": tokens,
        "flops_per_example": decoder,
        "flops_once": encoder,
        "memory_bytes": 2 * found["parameters"]
        + 16 * found["adapter"]
        + ACTIVATIONS * tokens * batch * found["width"] * found["layers"],
        "checkpoint_bytes": 12 * found["adapter"],
        "feature_bytes": 3 * shape.view_tokens * found["width"] * 2 * shape.feature_layers,
    }


def measure_parts(folder: Path) -> dict[str, Any]:
    """Makes parts as `redraft data generate cad` does: seconds and bytes an example."""
    from redraft.api import do

    started = time.perf_counter()
    do("data.generate", task="cad", out=str(folder), count=PARTS, validation=0, test=0, seed=0, options={})
    seconds = time.perf_counter() - started
    drawn = folder.with_name("materialised")
    do("data.export", dataset=str(folder), out=str(drawn), format="tinyllava")
    return {
        "parts": PARTS,
        "seconds_per_part": seconds / PARTS,
        "bytes_per_part": _bytes(folder) / PARTS,
        "exported_bytes_per_part": _bytes(drawn) / PARTS,
    }


def measure_tiny(dataset: Path) -> dict[str, Any]:
    """The plan of the built-in model on these parts."""
    from redraft.core.recipe import read_recipe
    from redraft.core.work import Silent
    from redraft.worker.verbs.plan import plan_of

    recipe = read_recipe(
        DOCS.parent / "recipes" / "cad-tiny.yaml",
        [f"dataset={dataset}", "device=cpu", "train.epochs=1", "train.max_minutes=null", "train.max_length=4096"],
    )
    return plan_of(recipe, Silent(), None, dataset.parent / "run")


def matrix_flops() -> dict[str, float]:
    """Floating point operations a second of one large matrix product, all threads."""
    import torch

    found = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        matrix = torch.ones(2048, 2048, dtype=dtype)
        took = []
        for _ in range(5):
            started = time.perf_counter()
            matrix @ matrix
            took.append(time.perf_counter() - started)
        found[name] = 2 * 2048**3 / min(took)
    return found


def measure() -> dict[str, Any]:
    """All figures of the page."""
    import torch

    from redraft.training.device import set_threads

    threads = set_threads(None)
    with tempfile.TemporaryDirectory() as scratch:
        parts = measure_parts(Path(scratch) / "parts")
        tiny = measure_tiny(Path(scratch) / "parts")
    for private in ("worst", "bad_first"):
        tiny["examples"].pop(private, None)
    tiny["disk"].pop("folder")
    models = {shape.name: counted(shape) for shape in SHAPES}
    return {
        "when": time.strftime("%Y-%m-%d"),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "cores": os.cpu_count(),
            "threads": threads,
            "cpu": torch.backends.cpu.get_cpu_capability(),
            "torch": torch.__version__,
            "load": round(os.getloadavg()[0], 1),
        },
        "parts": parts,
        "tiny": tiny,
        "flops": matrix_flops(),
        "models": {shape.name: {**models[shape.name], **estimate(shape, models[shape.name])} for shape in SHAPES},
        "shapes": [asdict(shape) for shape in SHAPES],
    }


def page(f: dict[str, Any]) -> str:
    """The page's text from its figures."""
    machine, parts, tiny, flops = f["machine"], f["parts"], f["tiny"], f["flops"]
    step, memory, disk = tiny["time"], tiny["memory"], tiny["disk"]
    each = 1 / step["examples_per_second"]
    reading = step["prepare_seconds"] / tiny["examples"]["count"]
    kept = tiny["examples"]["kept_bytes_mean"]

    def row(name: str, values: list[str], how: str) -> str:
        return f"| {name} | {' | '.join(values)} | {how} |"

    head = (
        f"| | {' | '.join(f'{n:,} examples' for n in COUNTS)} | how it is known |\n|---|{'---|' * len(COUNTS)}---|"
    )
    lines = [
        "# Time, memory and disk",
        "",
        "What data and training take, for 1,000, 10,000 and 50,000 examples. `scripts/write_estimates.py` "
        "measures and writes this page; for one recipe on one machine, ask [`redraft plan`](plan.md), which "
        "tries it.",
        "",
        f"Measured on {f['when']}: {machine['system']}, {machine['cores']} cores ({machine['cpu']}), "
        f"{machine['threads']} threads, torch {machine['torch']}, load average {machine['load']} (what else ran "
        f"makes the times longer). *Measured* is a figure of {parts['parts']} examples; *in proportion* is it "
        "times the number of examples; *counted* comes from shapes alone; *computed* from the formula below.",
        "",
        "## Parts for the task cad",
        "",
        head,
        row("making them", [duration(n * parts["seconds_per_part"]) for n in COUNTS],
            f"{1000 * parts['seconds_per_part']:.0f} ms a part measured, in proportion"),
        row("the dataset (its pictures are drawn when read)", [size(n * parts["bytes_per_part"]) for n in COUNTS],
            f"{size(parts['bytes_per_part'])} a part measured, in proportion"),
        row("exported with its three views", [size(n * parts["exported_bytes_per_part"]) for n in COUNTS],
            f"{size(parts['exported_bytes_per_part'])} a part measured, in proportion"),
        "",
        "## The built-in tiny model, trained whole",
        "",
        f"`recipes/cad-tiny.yaml`: {count(tiny['model']['trainable'])} parameters, fp32 on the CPU, batches of 8, "
        f"{tiny['examples']['tokens_mean']:.0f} tokens an example.",
        "",
        head,
        row("reading and checking, once", [duration(n * reading) for n in COUNTS],
            f"{1000 * reading:.0f} ms an example measured, in proportion"),
        row("one epoch", [duration(n * each) for n in COUNTS],
            f"{step['examples_per_second']:.1f} examples a second measured, in proportion"),
        row("memory", [size(memory["step_bytes"] + min(n * kept, 2048 * 2**20)) for n in COUNTS],
            f"{size(memory['step_bytes'])} at the worst batch measured, and {size(kept)} an example kept, "
            "at most `train.cache_mb`"),
        row("a checkpoint", [size(disk["checkpoint_bytes"])] * len(COUNTS), "weights and two moments, counted"),
        "",
        "## LoRA on real-sized models",
        "",
        f"Rank {RANK} on {', '.join(TARGETS)}; three views of 512 x 512 and {ANSWER} tokens of text an example; "
        "bf16; batches of 8; a frozen encoder whose features are kept on disk, so that it runs once. **None of "
        "these times were measured**: no weights of these models are needed for any figure here.",
    ]  # fmt: skip
    for name, model in f["models"].items():
        once, every = model["flops_once"], model["flops_per_example"]
        gpu, cpu = GPU_FLOPS * GPU_USE, max(flops.values())
        lines += [
            "",
            f"### {name}",
            "",
            f"{count(model['parameters'])} parameters, {count(model['vision'])} of them in the vision side; the "
            f"adapter has {count(model['adapter'])} ({size(4 * model['adapter'])} in fp32). "
            f"{model['tokens']:,} tokens an example.",
            "",
            head,
            row("keeping features, H100", [duration(n * once / gpu) for n in COUNTS], "computed"),
            row("one epoch, H100", [duration(n * every / gpu) for n in COUNTS], "computed"),
            row("one epoch, this CPU at best", [duration(n * every / cpu) for n in COUNTS],
                "computed, with the measured speed of one large matrix product"),
            row("memory of the device", [size(model["memory_bytes"])] * len(COUNTS), "computed"),
            row("features on disk", [size(n * model["feature_bytes"]) for n in COUNTS], "counted"),
            row("a checkpoint", [size(model["checkpoint_bytes"])] * len(COUNTS),
                "adapter and two moments, counted"),
        ]  # fmt: skip
    best = max(flops, key=lambda name: flops[name])
    lines += [
        "",
        "### Formulas",
        "",
        "- Parameters are counted from the configuration on torch's meta device; adapters as rank x (inputs + "
        "outputs) over the targeted layers.",
        "- An example's floating point operations in each epoch: 4 x parameters of the language model x tokens: 2 "
        "forward and 2 backward, as frozen weights need no gradient of their own (a full fine-tune: 6). Once: 2 x "
        "parameters of the vision side x patches.",
        f"- Time: operations by the device's speed. H100: {GPU_FLOPS / 1e12:.0f} TFLOP/s of its data sheet x "
        f"{GPU_USE:.0%}, what good training loops reach. This CPU: {flops[best] / 1e9:,.0f} GFLOP/s in {best} "
        "(measured, one product of 2,048 x 2,048 matrices), which no whole model reaches.",
        f"- Memory: 2 bytes a parameter, 16 a parameter of the adapter (weight, gradient, two moments), and "
        f"{ACTIVATIONS} x tokens x batch x width x layers of activations (Korthikanti et al. 2022, equation 2 "
        "without the attention matrix). `gradient_checkpointing` takes most of the last part away.",
        "- Features: 2 bytes x image tokens x width of the decoder (Qwen3-VL: four such rows a token, for the "
        "levels its decoder reads besides).",
        "",
        "## Which recipe for which machine",
        "",
        "| machine | recipe | why |",
        "|---|---|---|",
        "| a laptop without a GPU | `recipes/cad-tiny.yaml` | the built-in model sees after minutes; "
        "larger ones take days on a CPU |",
        "| a Mac with Metal | the same, with `scripts/run_training.sh` | `device: auto` takes Metal only where it "
        "was tried and computes right ([devices.md](devices.md)) |",
        "| a GPU with 8 to 16 GB | `recipes/cad-production.yaml` with `train.batch_size=1 train.accumulate=32 "
        "train.gradient_checkpointing=true` | LoRA holds the base once, in bf16 |",
        "| a GPU with 24 GB or more | `recipes/cad-production.yaml` as it is | batches of 8, features kept "
        "on disk |",
        "| 80 GB, or several GPUs | `model.adapter: null`, `train.parallel: fsdp` | a full fine-tune reaches more "
        "where there is much data |",
        "",
        "In each case run `redraft plan RECIPE` first. It tries the worst batch and names settings that fit.",
    ]
    return "\n".join(lines) + "\n"


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    if "--check" in sys.argv:
        written = page(json.loads(FIGURES.read_text(encoding="utf-8")))
        same = written == PAGE.read_text(encoding="utf-8")
        sys.exit(0 if same else "docs/estimates.md is not what its figures say: run this without --check")
    figures = measure()
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(figures), encoding="utf-8")
