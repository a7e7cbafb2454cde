"""`redraft plan` and `redraft train` of a recipe with augmentation, on a dataset that keeps no pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from redraft.core.discovery import load_task
from redraft.core.errors import RecipeError, UsageError
from redraft.core.recipe import read_recipe, recipe_from_data
from redraft.core.work import Silent
from redraft.datasets.writer import DatasetWriter
from redraft.models import small
from redraft.training.events import read
from redraft.worker.guarded import Outcome
from redraft.worker.planning import available_cores, time_of
from redraft.worker.trying import trial
from redraft.worker.verbs.plan import plan
from redraft.worker.verbs.train import start
from toy_parts import SMALL

STYLE = {"width": 128, "height": 128, "font_size": 12, "paragraph_spacing": 0, "margin": 0.03}


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    task = load_task("summary")
    options = task.options({"level": "simple", "style": STYLE})
    facts = {"task": task.name, "revision": task.revision, "options": options, "versions": task.versions()}
    with DatasetWriter(tmp_path / "data", **facts, keep_images=False) as writer:
        for example in task.generate(12, 0, options, Silent()):
            writer.add("train", example)
    recipe = {
        "task": "summary",
        "dataset": str(tmp_path / "data"),
        "device": "cpu",
        "model": {"base": "tiny", "freeze": [], "options": {**SMALL, "picture": 128}},
        "train": {"epochs": 3, "batch_size": 4, "threads": 1, "augment": {"strength": 1.0}},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def request(ground: Path, *overrides: str) -> dict[str, Any]:
    return {"recipe": str(ground / "recipe.yaml"), "overrides": list(overrides), "out": str(ground / "run")}


def test_a_trial_measures_what_is_drawn_anew(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(ground / "home"))  # the trial, a process of its own else, sets it
    work = Silent()
    trial({"recipe": read_recipe(ground / "recipe.yaml").model_dump(mode="json")}, work)
    found = {row["kind"]: row for row in work.metrics}
    assert found["examples"]["augment_seconds"] > 0 and 1 <= found["examples"]["augment_at_once"] <= 2
    assert found["examples"]["kept_bytes_mean"] == 0
    assert found["examples"]["steps"] == 9 and found["usual"]["examples"] == 4
    assert "features" not in found


@pytest.mark.slow
def test_the_plan_counts_what_is_drawn_anew(ground: Path) -> None:
    value = plan(request(ground), Silent()).value
    assert value["fits"] and value["memory"]["kept_bytes"] == 0  # nothing is kept between epochs
    assert value["examples"]["augment_seconds"] > 0
    result = start(request(ground), Silent()).value
    steps = [row for row in read(ground / "run") if row["kind"] == "step"]
    assert value["time"]["steps"] == len(steps) == result["steps"] == 9
    [started] = [row for row in read(ground / "run") if row["kind"] == "start"]
    assert value["examples"]["tokens_longest"] == started["dataset"]["longest"]
    tokens = [row["tokens"] for row in steps]
    # The answers are the same in every epoch, whatever the pages look like.
    assert sum(tokens[:3]) == sum(tokens[3:6]) == sum(tokens[6:]) == started["dataset"]["supervised_tokens"]


@pytest.mark.slow
def test_the_features_of_all_variants_are_planned_for(ground: Path) -> None:
    base = small.build("qwen2_5_vl", ground / "base")
    model, augment = f"model={{base: {base}, freeze: [vision]}}", "train.augment={{variants: {}}}"
    found = {
        number: plan(request(ground, model, "train.epochs=4", augment.format(number)), Silent()).value
        for number in (1, 3)
    }
    one, three = (found[number]["disk"] for number in (1, 3))
    assert one["feature_cache"] == three["feature_cache"] == "kept"
    assert three["feature_cache_bytes"] == 3 * one["feature_cache_bytes"] > 0
    never = plan(request(ground, model), Silent()).value["disk"]
    assert never["feature_cache_bytes"] == 0


def test_waiting_is_what_threads_and_cores_leave() -> None:
    """Of figures, not of a machine: 8 examples a step, each 0.5 s to draw and encode, beside a step of 1 s."""

    def seconds(step: float = 1.0, threads: int = 1, gpu: bool = False, **train: Any) -> float:
        data = {"task": "summary", "dataset": "d", "train": {"epochs": 4, "augment": {}, **train}}
        outcome = Outcome(
            metrics=[
                {"kind": "model", "threads": threads, "device_bytes": 10**9 if gpu else None},
                {"kind": "examples", "count": 100, "steps": 50, "encode_seconds": 0.1, "augment_seconds": 0.5,
                 "augment_at_once": train.get("workers", 2), "kept_bytes_mean": 10},
                {"kind": "usual", "seconds": step, "examples": 8},
                {"kind": "worst", "seconds": step, "first_seconds": step},
            ]
        )  # fmt: skip
        return float(time_of(outcome, recipe_from_data(data))["seconds_per_step"])

    cores = available_cores()
    assert seconds(workers=1) == pytest.approx(max(4.0, (1 + 4) / cores))
    assert seconds(workers=64) == pytest.approx(max(1.0, 4 / cores, (1 + 4) / cores))
    assert seconds(step=100.0, workers=1, gpu=True) == pytest.approx(max(100.0, 104 / cores))
    assert seconds(step=100.0, threads=cores, workers=2) == pytest.approx((100 * cores + 4) / cores)
    assert seconds(augment=None) == 1.0
    # Two variants in four epochs: half of the steps find theirs in memory.
    assert seconds(workers=1, augment={"variants": 2}) == pytest.approx(1 + (seconds(workers=1) - 1) / 2)


def test_a_wrong_setting_is_said_before_a_model_is_loaded(ground: Path) -> None:
    with pytest.raises(UsageError, match="no setting 'flip'"):
        start(request(ground, "train.augment.options={flip: true}", "model.base=nowhere"), Silent())
    assert not (ground / "run").exists()
    with pytest.raises(RecipeError, match=r"train\.augment\.strength"):
        start(request(ground, "train.augment.strength=7"), Silent())
