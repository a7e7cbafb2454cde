"""ms-swift's `swift sft` on the benchmark's data: `python swift_side.py REQUEST.json`, in `.venv-swift`.

It reads pictures by qwen_vl_utils, which imports torchvision for videos alone; an empty stand-in of that name lets
it import, and pictures take their usual way through Pillow.
"""

from __future__ import annotations

import json
import os
import sys
import types
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from clock import Clock, Report

SETTINGS = {
    "tuner_type": "full",
    "freeze_vit": True,
    "freeze_aligner": True,
    "gradient_checkpointing": False,  # its default, True, is slower
    "attn_impl": "sdpa",
    "dataloader_num_workers": 0,
    "lazy_tokenize": True,
    "optim": "adamw_torch_fused",
}
MERGE = 4


def let_pictures_be_read() -> None:
    """Before swift is imported."""
    os.environ["SPATIAL_MERGE_SIZE"] = str(MERGE)
    missing = {
        name: types.ModuleType(name) for name in ("torchvision", "torchvision.io", "torchvision.transforms")
    }
    missing["torchvision"].io = missing["torchvision.io"]  # type: ignore[attr-defined]
    missing["torchvision"].transforms = missing["torchvision.transforms"]  # type: ignore[attr-defined]
    missing["torchvision.transforms"].InterpolationMode = object  # type: ignore[attr-defined]
    sys.modules |= missing
    import qwen_vl_utils.vision_process

    assert qwen_vl_utils.vision_process.SPATIAL_MERGE_SIZE in (2, MERGE)
    for name in missing:
        del sys.modules[name]
    from transformers import Qwen2_5_VLProcessor

    whole = Qwen2_5_VLProcessor.get_attributes.__func__
    Qwen2_5_VLProcessor.get_attributes = classmethod(lambda cls: [n for n in whole(cls) if "video" not in n])


def rows(request: dict[str, Any]) -> str:
    """The dataset as ms-swift's JSON lines, in the order in which redraft takes it first, beside picture files."""
    from datasets import Image, load_dataset

    folder = Path(request["work"])
    folder.mkdir(parents=True, exist_ok=True)
    data = load_dataset(request["data"], split="train").select(request["order"])
    data = data.cast_column("images", type(data.features["images"])(Image(decode=False)))
    lines = []
    for number, row in enumerate(data):
        paths = []
        for place, image in enumerate(row["images"]):
            path = folder / f"{number}-{place}.png"
            path.write_bytes(image["bytes"])
            paths.append(str(path))
        messages = [
            {"role": m["role"], "content": "".join(p["text"] or "<image>" for p in m["content"])}
            for m in row["messages"]
        ]
        lines.append(json.dumps({"messages": messages, "images": paths}))
    file = folder / "rows.jsonl"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def main(request: dict[str, Any]) -> None:
    torch.set_num_threads(request["threads"])
    let_pictures_be_read()
    from swift.arguments import SftArguments
    from swift.pipelines.train.sft import SwiftSft
    from swift.template import TEMPLATE_MAPPING
    from transformers import TrainerCallback

    # Its template trains the newline behind the end token too; the benchmark's answers have none.
    TEMPLATE_MAPPING["qwen2_5_vl"].suffix = ["<|im_end|>"]
    settings = SETTINGS | request["settings"]
    versions = {name: version(name) for name in ("ms-swift", "transformers", "torch", "accelerate")}
    report = Report("swift", settings, versions)

    class EpochEnd(TrainerCallback):
        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            clock.epoch()

    class Watched(SwiftSft):
        def train(self, trainer: Any) -> Any:
            report.trainable = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
            trainer.add_callback(EpochEnd())
            collate = trainer.data_collator

            def counting(batch: list[Any]) -> Any:
                made = collate(batch)
                counted.append(int((made["labels"][:, 1:] != -100).sum()))
                return made

            trainer.data_collator = counting
            return super().train(trainer)

    counted: list[int] = []
    arguments = SftArguments(
        model=request["model"],
        model_type="qwen2_5_vl",
        template="qwen2_5_vl",
        system="",
        dataset=[rows(request)],
        dataset_shuffle=False,
        train_dataloader_shuffle=False,
        split_dataset_ratio=0.0,
        torch_dtype="float32",
        output_dir=request["work"] + "/out",
        num_train_epochs=request["epochs"],
        max_steps=request.get("max_steps", -1),
        per_device_train_batch_size=request["batch"],
        gradient_accumulation_steps=1,
        learning_rate=request["learning_rate"],
        lr_scheduler_type="constant",
        warmup_ratio=0.0,
        weight_decay=0.0,
        adam_beta2=0.999,
        max_grad_norm=1.0,
        max_length=8192,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        **settings,
    )
    training = Watched(arguments)
    clock = Clock(report)
    told = training.main()
    steps = -(-request["count"] // request["batch"])
    report.supervised = sum(counted[:steps])
    report.losses = [row["loss"] for row in told["log_history"] if "loss" in row]
    report.write(request["result"])


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
