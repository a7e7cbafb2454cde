"""On the same data, in the same order, our losses are those of the Hugging Face Trainer, where it is right.

It is right without accumulation over answers of different lengths; then both divide a batch's summed loss by its
supervised tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy_run import go
from transformers import Trainer, TrainingArguments

from redraft.models.collate import collate
from redraft.models.encode import Encoder
from redraft.models.load import load_model
from redraft.training.events import read
from redraft.training.order import Order
from toy_parts import toy_examples, toy_recipe

STEPS = 10


def test_the_losses_are_the_trainers(tmp_path: Path) -> None:
    recipe = toy_recipe(max_steps=STEPS, epochs=9, warmup=3, weight_decay=0.0, clip=1.0, learning_rate=1e-3)
    go(tmp_path / "run", recipe, 16)
    ours = [row["loss"] for row in read(tmp_path / "run") if row["kind"] == "step"]

    examples = toy_examples(16)
    loaded = load_model(recipe.model, texts=[e.answer for e in examples], seed=recipe.seed)
    encoder = Encoder(loaded)
    order = Order(len(examples), 4, 1, recipe.seed, 9)
    stream = [encoder.encode(examples[i]) for step in range(STEPS) for i in order.batches(step)[0]]

    class Straight(Trainer):
        """In the order given, which is the only thing changed."""

        def _get_train_sampler(self, *_: Any) -> None:
            return None

    def collated(encodings: list[Any]) -> dict[str, Any]:
        batch = collate(encodings, encoder.pad_id)
        return {**batch.inputs, "labels": batch.labels}

    arguments = TrainingArguments(
        output_dir=str(tmp_path / "theirs"),
        max_steps=STEPS,
        per_device_train_batch_size=4,
        learning_rate=1e-3,
        lr_scheduler_type="cosine",
        warmup_steps=3,
        weight_decay=0.0,
        max_grad_norm=1.0,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        remove_unused_columns=False,
        disable_tqdm=True,
    )
    trainer = Straight(model=loaded.model, args=arguments, train_dataset=stream, data_collator=collated)  # type: ignore[arg-type]
    trainer.train()
    theirs = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert len(ours) == len(theirs) == STEPS
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert ours[-1] < ours[0]
