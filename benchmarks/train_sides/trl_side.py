"""TRL's SFTTrainer on the benchmark's data: `python trl_side.py REQUEST.json`, in `.venv-trl`."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from clock import Clock, Report
from peer_model import open_model, open_processor
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from datasets import load_dataset

SETTINGS = {
    "loss": "SFTTrainer's own, chunked over the vocabulary projection",
    "completion_only_loss": True,
    "gradient_checkpointing": False,  # its default, True, is slower; the table has that one apart
    "optim": "adamw_torch_fused",
    "dataloader_num_workers": 0,
    "max_length": None,
}


class EpochEnd(TrainerCallback):
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self.clock.epoch()


def examples(request: dict[str, Any]) -> Any:
    """Rows in the order in which redraft takes them first, as prompt and completion; pictures are decoded and
    processed by the trainer's collator, batch for batch."""
    rows = load_dataset(request["data"], split="train").select(request["order"])
    return rows.map(
        lambda messages: {"prompt": messages[:-1], "completion": messages[-1:]},
        input_columns=["messages"],
        remove_columns=[name for name in rows.column_names if name != "images"],
    )


def main(request: dict[str, Any]) -> None:
    torch.set_num_threads(request["threads"])
    settings = SETTINGS | request["settings"]
    report = Report(
        "trl", settings, {name: version(name) for name in ("trl", "transformers", "torch", "accelerate")}
    )
    rows = examples(request)
    model, processor = open_model(request["model"]), open_processor(request["model"])
    report.trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    arguments = SFTConfig(
        output_dir=request["work"],
        num_train_epochs=request["epochs"],
        max_steps=request.get("max_steps", -1),
        per_device_train_batch_size=request["batch"],
        learning_rate=request["learning_rate"],
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        bf16=False,
        use_cpu=True,
        seed=0,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        train_sampling_strategy="sequential",
        **{name: value for name, value in settings.items() if name != "loss"},
    )
    clock = Clock(report)
    trainer = SFTTrainer(
        model=model, args=arguments, train_dataset=rows, processing_class=processor, callbacks=[EpochEnd(clock)]
    )
    collate, counted = trainer.data_collator, []

    def counting(batch: list[Any]) -> Any:
        made = collate(batch)
        counted.append(int((made["labels"][:, 1:] != -100).sum()))
        return made

    trainer.data_collator = counting
    trainer.train()
    steps = -(-len(rows) // request["batch"])
    report.supervised = sum(counted[:steps])
    report.losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    report.write(request["result"])


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
