"""The loop: what a step is, that it is right, and how a run ends."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_run import go

from redraft.core.errors import InputError, RecipeError, RedraftError
from redraft.core.example import Image
from redraft.core.recipe import Model
from redraft.core.work import Silent
from redraft.models.collate import collate
from redraft.models.encode import Encoder
from redraft.models.load import load_checkpoint, load_model
from redraft.models.loss import summed_loss
from redraft.training import run
from redraft.training.events import read
from redraft.training.loop import train
from toy_parts import SMALL, toy_example, toy_examples, toy_recipe


def rows(folder: Path, kind: str = "step") -> list[dict[str, Any]]:
    return [row for row in read(folder) if row["kind"] == kind]


def test_a_run_learns_and_leaves_everything(tmp_path: Path) -> None:
    work = Silent()
    result = go(tmp_path / "run", toy_recipe(epochs=6, warmup=2, save_every=10, learning_rate=6e-3), 16, work=work)
    assert result["status"] == "finished" and result["steps"] == 24
    assert result["train_loss"] < 0.7 * result["first_loss"]
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == result
    names = [p.name for p in sorted((tmp_path / "run" / "checkpoints").iterdir())]
    assert names == ["step-20", "step-24"]
    steps = rows(tmp_path / "run")
    assert [row["step"] for row in steps] == list(range(1, 25))
    assert all(row["tokens"] > 0 and row["examples"] == 4 and row["gradient_norm"] > 0 for row in steps)
    assert any("FROZEN 0 TRAINABLE" in line for line in work.logs)
    assert "batch-to-batch variation" in work.logs[-1] and "peak memory" in work.logs[-1]
    assert next(row["kind"] for row in read(tmp_path / "run")) == "start"


@pytest.mark.parametrize(("batch", "accumulate"), [(1, 8), (2, 4), (4, 2)])
def test_accumulation_makes_the_same_gradient(tmp_path: Path, batch: int, accumulate: int) -> None:
    """Answers of different lengths: a mean a micro-batch would weigh their tokens differently."""
    found = {}
    for name, shape in {"whole": (8, 1), "parts": (batch, accumulate)}.items():
        recipe = toy_recipe(batch_size=shape[0], accumulate=shape[1], max_steps=4, epochs=9, warmup=0, clip=None)
        go(tmp_path / name, recipe, 16)
        found[name] = rows(tmp_path / name)
    for whole, parts in zip(found["whole"], found["parts"], strict=True):
        assert whole["tokens"] == parts["tokens"]
        assert parts["loss"] == pytest.approx(whole["loss"], rel=2e-4)
        assert parts["gradient_norm"] == pytest.approx(whole["gradient_norm"], rel=2e-3)


def test_means_of_micro_batches_would_differ() -> None:
    """The fault that the test above guards against shows on these examples."""
    loaded = load_model(Model(base="tiny", freeze=(), options=SMALL), texts=[e.answer for e in toy_examples(8)])
    encoder = Encoder(loaded)
    batches = [collate([encoder.encode(example)], encoder.pad_id) for example in toy_examples(8)]
    with torch.no_grad():
        sums = [float(summed_loss(loaded.model, batch)) for batch in batches]
    tokens = [batch.supervised for batch in batches]
    mean_of_means = math.fsum(s / t for s, t in zip(sums, tokens, strict=True)) / len(sums)
    assert abs(mean_of_means - sum(sums) / sum(tokens)) > 1e-3


def test_the_cache_changes_nothing(tmp_path: Path) -> None:
    for name, megabytes in {"kept": 64, "read": 0}.items():
        work = Silent()
        go(tmp_path / name, toy_recipe(max_steps=6, epochs=9, cache_mb=megabytes), 12, work=work)
        assert any("0 of 12 examples are kept" in line for line in work.logs) == (name == "read")
    assert [r["loss"] for r in rows(tmp_path / "kept")] == [r["loss"] for r in rows(tmp_path / "read")]


def test_evaluation_is_kept_and_leaves_the_run_alone(tmp_path: Path) -> None:
    def evaluate(step: int) -> dict[str, Any]:
        torch.rand(3)
        return {"mean": {0: 0.0, 3: 0.9}.get(step, 0.1), "examples": 2}

    recipe = toy_recipe(max_steps=9, epochs=9, evaluate_every=3, save_every=3, keep=1)
    result = go(tmp_path / "a", recipe, 12, evaluate)
    go(tmp_path / "b", recipe, 12)
    assert [r["step"] for r in rows(tmp_path / "a", "evaluation")] == [0, 3, 6, 9]
    assert [r["loss"] for r in rows(tmp_path / "a")] == [r["loss"] for r in rows(tmp_path / "b")]
    assert result["scores"]["mean"] == 0.1 and result["best_checkpoint"] == "checkpoints/step-3"
    kept = sorted(p.name for p in (tmp_path / "a" / "checkpoints").iterdir())
    assert kept == ["step-3", "step-9"]


def test_the_clock_ends_a_run(tmp_path: Path) -> None:
    result = go(tmp_path / "run", toy_recipe(max_minutes=0.02, epochs=10_000), 12)
    steps = rows(tmp_path / "run")
    assert result["status"] == "finished" and result["train_seconds"] >= 1.2
    assert steps[-1]["learning_rate"] < 0.3 * max(row["learning_rate"] for row in steps)


def test_a_loss_that_is_no_number_stops_with_the_reason(tmp_path: Path) -> None:
    recipe = toy_recipe(learning_rate=1e18, warmup=0, clip=None, epochs=50, save_every=1, weight_decay=0)
    with pytest.raises(RedraftError, match=r"the loss became .* at step") as caught:
        go(tmp_path / "run", recipe, 8)
    assert "learning_rate" in caught.value.remedy
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["status"] == "failed" and result["reason"] == "the loss is not a number"


class TestBadExamples:
    def examples(self) -> list[Any]:
        found = toy_examples(10)
        found[3] = found[3].with_images((*found[3].images[:2], Image("right.png", b"broken")))
        found[7] = found[7].with_images(found[7].images[:1])
        return found

    def start(self, folder: Path, examples: list[Any], work: Silent, **train: Any) -> dict[str, Any]:
        from redraft.training import run
        from redraft.training.loop import train as start

        recipe = toy_recipe(max_steps=2, **train)
        loaded = load_model(recipe.model, texts=[e.answer for e in toy_examples(10)])
        run.begin(folder, recipe)
        return start(loaded, Encoder(loaded), examples, recipe, folder, work)

    def test_all_of_them_are_listed_before_the_first_step(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as caught:
            self.start(tmp_path / "run", self.examples(), Silent())
        assert "2 of 10 examples" in caught.value.what
        assert "toy-0003" in caught.value.what and "toy-0007" in caught.value.what
        assert not (tmp_path / "run" / "events.jsonl").exists()

    def test_left_out_where_the_recipe_says_so_and_named(self, tmp_path: Path) -> None:
        work = Silent()
        result = self.start(tmp_path / "run", self.examples(), work, bad_examples="skip")
        assert [id for id, _ in work.omissions] == ["toy-0003", "toy-0007"]
        assert result["dataset"]["examples"] == 8
        named = rows(tmp_path / "run", "start")[0]["dataset"]["left_out"]
        assert [id for id, _ in named] == ["toy-0003", "toy-0007"]

    def test_too_many_tokens_are_never_cut(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="above the limit of 20"):
            self.start(tmp_path / "run", toy_examples(4), Silent(), max_length=20)

    def test_nothing_to_train_on(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no training examples"):
            self.start(tmp_path / "run", [], Silent())


def test_a_toy_example_is_what_it_says() -> None:
    assert toy_example(1).answer.startswith("box ") and len(toy_example(1).images) == 3


def test_batches_by_tokens_train_every_example_once(tmp_path: Path) -> None:
    recipe = toy_recipe(batch_tokens=120, epochs=2, warmup=0, accumulate=1)
    result = go(tmp_path / "run", recipe, 16)
    steps = rows(tmp_path / "run")
    assert sum(row["examples"] for row in steps) == 32 and result["steps"] == len(steps)
    assert steps[-1]["epoch"] == 2.0 and len({row["examples"] for row in steps}) > 1


def test_an_example_above_the_budget_of_a_batch_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"toy-0000.*above the limit of 20"):
        go(tmp_path / "run", toy_recipe(batch_tokens=20), 4)


def test_patience_ends_a_run_and_keeps_its_best(tmp_path: Path) -> None:
    work = Silent()
    recipe = toy_recipe(max_steps=12, epochs=99, evaluate_every=1, patience=3, keep=1)
    result = go(tmp_path / "run", recipe, 8, lambda step: {"mean": 0.5 if step == 2 else 0.1, "examples": 2}, work)
    assert result["steps"] == 5 and result["best_checkpoint"] == "checkpoints/step-2"
    assert (tmp_path / "run" / "checkpoints" / "step-2").is_dir()
    assert any("3 evaluations in a row were not better than 0.500, which step-2" in line for line in work.logs)


def test_packed_rows_train_as_padded_ones(tmp_path: Path) -> None:
    """The same examples in one step: the same loss and gradient, however they lie in rows."""
    found = {}
    for name, more in {"packed": {"batch_tokens": 600, "pack": True}, "padded": {"batch_size": 8}}.items():
        recipe = toy_recipe(max_steps=3, epochs=99, warmup=0, clip=None, evaluate_first=False, **more)
        go(tmp_path / name, recipe, 8)
        found[name] = rows(tmp_path / name)
    for packed, padded in zip(found["packed"], found["padded"], strict=True):
        assert packed["examples"] == padded["examples"] == 8 and packed["tokens"] == padded["tokens"]
        assert packed["loss"] == pytest.approx(padded["loss"], rel=2e-4)
        assert packed["gradient_norm"] == pytest.approx(padded["gradient_norm"], rel=2e-3)


def test_parts_of_the_model_learn_at_their_own_rates(tmp_path: Path) -> None:
    recipe = toy_recipe(max_steps=2, epochs=9, warmup=0, save_every=1, keep=9, learning_rates={"vision": 0.0})
    go(tmp_path / "run", recipe, 8)
    first, last = (load_checkpoint(tmp_path / "run" / "checkpoints" / f"step-{n}").model for n in (1, 2))
    changed = {
        name: not torch.equal(a, b)
        for (name, a), (_, b) in zip(first.named_parameters(), last.named_parameters(), strict=True)
    }
    assert any(changed.values()) and not any(value for name, value in changed.items() if "vision_tower" in name)
    with pytest.raises(RecipeError, match="learning_rates"):
        go(tmp_path / "other", toy_recipe(learning_rates={"visoin": 0.1}), 4)


def test_checkpointed_activations_change_nothing(tmp_path: Path) -> None:
    for name, switch in {"kept": False, "again": True}.items():
        go(tmp_path / name, toy_recipe(max_steps=3, epochs=9, gradient_checkpointing=switch), 8)
    kept, again = rows(tmp_path / "kept"), rows(tmp_path / "again")
    assert [r["loss"] for r in kept] == [r["loss"] for r in again]
    assert [r["gradient_norm"] for r in kept] == pytest.approx([r["gradient_norm"] for r in again], rel=1e-5)


def test_an_infinite_gradient_is_not_trained_on(tmp_path: Path) -> None:
    """The loss is a number, and its gradient is not: the weights stay as they were."""
    recipe = toy_recipe(max_steps=3, epochs=9)
    run.begin(tmp_path / "run", recipe)
    examples = toy_examples(8)
    loaded = load_model(recipe.model, texts=[e.answer for e in examples])
    before = {name: p.detach().clone() for name, p in loaded.model.named_parameters()}
    weights = loaded.model.get_output_embeddings().weight
    weights.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(RedraftError, match=r"the gradient became (nan|inf) at step 1, on the examples toy-"):
        train(loaded, Encoder(loaded), examples, recipe, tmp_path / "run", Silent())
    assert all(torch.equal(p, before[name]) for name, p in loaded.model.named_parameters())
