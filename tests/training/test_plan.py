"""`redraft plan`: the figures are those of the run that follows, and want of memory is an answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from redraft.core.discovery import load_task
from redraft.core.errors import RecipeError, RedraftError
from redraft.core.recipe import Train, recipe_from_data
from redraft.core.work import Silent
from redraft.datasets.writer import DatasetWriter
from redraft.models import small
from redraft.training.events import read
from redraft.training.sampling import sample
from redraft.training.trial import Measured, usual_window, worst_window
from redraft.worker.guarded import run_guarded
from redraft.worker.machine_memory import memory_limit
from redraft.worker.smaller import computed_bytes, smaller
from redraft.worker.verbs.plan import plan
from redraft.worker.verbs.train import start
from toy_parts import SMALL, toy_examples

TASKS = Path(__file__).parents[1] / "core"


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDRAFT_TASKS", str(TASKS))
    task = load_task("toy_task")
    options = task.options({})
    with DatasetWriter(tmp_path / "data", task=task.name, revision=task.revision, options=options) as writer:
        for example in task.generate(24, 0, options, Silent()):
            writer.add("train", example)
    recipe = {
        "task": "toy_task",
        "dataset": str(tmp_path / "data"),
        "device": "cpu",
        "model": {"base": "tiny", "freeze": [], "options": SMALL},
        "train": {"epochs": 3, "batch_size": 4, "accumulate": 2, "learning_rate": 2e-3, "threads": 1},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def test_the_plan_is_what_the_run_then_takes(ground: Path) -> None:
    request = {"recipe": str(ground / "recipe.yaml"), "overrides": [], "out": str(ground / "run")}
    planned = plan(request, Silent())
    value = planned.value
    json.dumps(value)
    assert planned.exit_code == 0 and value["fits"] and value["changes"] == []
    assert not (ground / "run").exists()

    result = start(request, Silent()).value
    steps = [row for row in read(ground / "run") if row["kind"] == "step"]
    assert value["time"]["steps"] == len(steps) == result["steps"]
    [started] = [row for row in read(ground / "run") if row["kind"] == "start"]
    assert value["examples"]["count"] == value["examples"]["looked_at"] == started["dataset"]["examples"]
    assert value["examples"]["tokens_longest"] == started["dataset"]["longest"]
    assert value["model"] == {"trainable": started["model"]["trainable"], "frozen": started["model"]["frozen"]}
    checkpoint = sum(p.stat().st_size for p in (ground / "run" / result["checkpoint"]).rglob("*.safetensors"))
    assert value["disk"]["checkpoint_bytes"] == pytest.approx(checkpoint, rel=0.15)
    parts = value["memory"]["parts"]
    assert parts["gradients"] == parts["weights"] and parts["moments"] == 2 * parts["weights"]
    assert sum(parts.values()) == value["memory"]["step_bytes"] > 100e6  # libraries alone take more


def test_want_of_memory_is_an_answer_and_smaller_settings_are_tried(ground: Path) -> None:
    request = {"recipe": str(ground / "recipe.yaml"), "overrides": ["train.batch_size=24"], "memory_gb": 0.1}
    found = plan(request, Silent())
    assert found.exit_code == 1 and not found.value["fits"]
    memory = found.value["memory"]
    assert memory["needed_bytes"] is None and memory["at_least_bytes"] > memory["available_bytes"]
    assert found.value["time"]["total_seconds"] is None and not any(c["fits"] for c in found.value["changes"])


def test_a_recipe_that_cannot_be_run_is_refused_as_the_run_would(ground: Path) -> None:
    with pytest.raises(RecipeError, match="no dataset folder"):
        plan({"recipe": str(ground / "recipe.yaml"), "overrides": ["dataset=nowhere"]}, Silent())


@pytest.mark.slow
def test_examples_that_cannot_be_trained_on_are_named(ground: Path) -> None:
    with pytest.raises(RedraftError, match=r"no example can be trained on: .* above the limit of 7"):
        plan({"recipe": str(ground / "recipe.yaml"), "overrides": ["train.max_length=7"]}, Silent())


def test_the_guard_ends_a_verb_above_its_limit(ground: Path) -> None:
    recipe = recipe_from_data(yaml.safe_load((ground / "recipe.yaml").read_text()))
    outcome = run_guarded("plan.trial", {"recipe": recipe.model_dump(mode="json")}, 30 * 2**20, Silent())
    assert outcome.ended == "memory" and outcome.value is None and outcome.peak_bytes > 30 * 2**20


MEASURED = [
    Measured(i, f"e{i}", tokens=10 * (i % 7), supervised=3, pictures=i % 3, kept_bytes=1) for i in range(40)
]


def test_the_worst_window_is_the_longest_and_the_usual_one_spans_all() -> None:
    settings = Train(batch_size=2, accumulate=2)
    worst = worst_window(MEASURED, settings)
    assert [m.tokens for m in worst] == [60] * 4
    assert [m.pictures for m in worst] == sorted((m.pictures for m in worst), reverse=True)
    assert len(usual_window(MEASURED, settings)) == 4
    assert len({m.tokens for m in usual_window(MEASURED, settings)}) > 2
    assert len(worst_window(MEASURED, Train(batch_tokens=180, accumulate=2))) == 6
    assert len(worst_window(MEASURED, Train(batch_size=100))) == 40
    assert worst_window([], settings) == []


class Listed(list[Any]):
    """Examples in memory, read as a split is."""

    def example(self, index: int, draw: bool = True) -> Any:
        return self[index]

    def iterate(self, draw: bool = True) -> Any:
        return iter(self)


def test_a_sample_of_a_large_split_holds_its_longest() -> None:
    examples = Listed(toy_examples(200, size=8))
    assert sample(examples, look=200) == list(range(200))
    chosen = sample(examples, look=40)
    assert chosen == sorted(set(chosen)) and 20 <= len(chosen) <= 40
    texts = [sum(len(m.text) for m in e.messages) for e in examples]
    assert max(texts[i] for i in chosen) == max(texts)


def memory(**given: Any) -> dict[str, Any]:
    parts = {"runtime": 100, "weights": 10, "gradients": 10, "moments": 20, "rest": 800}
    step = sum(parts.values())
    return {"parts": parts, "step_bytes": step, "kept_bytes": 0, "available_bytes": 600, **given}


def test_smaller_settings_begin_with_those_that_keep_the_gradient() -> None:
    data = {"task": "cad", "dataset": "d", "model": {"base": "some"}, "train": {"batch_size": 8, "accumulate": 3}}
    recipe = recipe_from_data(data)
    every = list(smaller(recipe, memory()))
    # 140 + 800 * 4/8 = 540 fits into 600
    assert every[0] == {"train.batch_size": 4, "train.accumulate": 6}
    assert computed_bytes(recipe, every[0], memory()) == 540
    assert every[1] == {"train.batch_size": 1, "train.accumulate": 24}
    assert every[2].keys() - every[1].keys() == {"train.gradient_checkpointing"}
    assert every[-1]["model.adapter"] == {}
    assert computed_bytes(recipe, every[2], memory()) is None
    for overrides in every:  # each is a recipe
        changed = recipe.model_dump(mode="json")
        for key, value in overrides.items():
            section, _, name = key.partition(".")
            changed[section][name] = value
        train = recipe_from_data(changed).train
        assert train.batch_size * train.accumulate == 24


def test_a_trial_that_was_ended_leaves_a_quarter_of_the_batch_and_kept_features_to_try() -> None:
    data = {
        "task": "cad",
        "dataset": "d",
        "model": {"base": "some"},
        "train": {"batch_size": 8, "feature_cache": "off"},
    }
    found = memory(step_bytes=None)
    found["parts"]["rest"] = None
    first, second, third, *_ = smaller(recipe_from_data(data), found)
    assert first == {"train.batch_size": 2, "train.accumulate": 4}
    assert second == {"train.batch_size": 1, "train.accumulate": 8}
    assert third == {**second, "train.feature_cache": "on"}


def test_kept_examples_give_way_first() -> None:
    recipe = recipe_from_data({"task": "cad", "dataset": "d"})
    found = memory(available_bytes=2000 * 2**20, kept_bytes=1900 * 2**20, step_bytes=1000 * 2**20)
    assert next(smaller(recipe, found)) == {"train.cache_mb": 900}


def test_a_container_limits_the_memory(tmp_path: Path) -> None:
    whole = memory_limit(tmp_path)
    assert whole.limit == "the machine's memory" and 0 < whole.available <= whole.total
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 200000\n")
    found = memory_limit(tmp_path)
    assert (found.available, found.total, found.limit) == (500_000, 1_000_000, "this container's memory")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_limit(tmp_path).total == whole.total


def test_the_command_prints_one_document_and_its_exit_code(ground: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "redraft", "plan", "recipe.yaml", "--json", "--memory", "0.1"],
        cwd=ground, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    value = json.loads(done.stdout)
    assert done.returncode == 1 and value["fits"] is False
    missing = subprocess.run(
        [sys.executable, "-m", "redraft", "plan", "none.yaml"],
        cwd=ground, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert missing.returncode == 2 and "no such recipe" in missing.stderr and "Traceback" not in missing.stderr


def test_the_features_of_a_frozen_encoder_are_planned_for(ground: Path) -> None:
    base = small.build("qwen2_5_vl", ground / "base")
    request = {"recipe": str(ground / "recipe.yaml"), "overrides": [f"model={{base: {base}, freeze: [vision]}}"]}
    disk = plan(request, Silent()).value["disk"]
    assert disk["feature_cache"] == "kept" and disk["feature_bytes_per_example"] > 0
    assert disk["feature_cache_bytes"] == 24 * disk["feature_bytes_per_example"]
    assert disk["needed_bytes"] == disk["checkpoints_bytes"] + disk["feature_cache_bytes"]


@pytest.mark.slow
def test_features_without_room_are_not_planned_for(ground: Path) -> None:
    base = small.build("qwen2_5_vl", ground / "base")
    overrides = [f"model={{base: {base}, freeze: [vision]}}", "train.feature_cache_gb=0.000001"]
    request = {"recipe": str(ground / "recipe.yaml"), "overrides": overrides}
    disk = plan(request, Silent()).value["disk"]
    assert disk["fits"] and disk["feature_cache"].startswith("not kept") and disk["feature_cache_bytes"] == 0
