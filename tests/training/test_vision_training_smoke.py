"""Two steps on real documents and a small model of a real family: the whole way from text to saved weights.

Documents are PEPs where the real data is at hand, else reports that the project makes; their pages come from the
page engine, and the model is a small DeepSeek-OCR 2 (stock classes, random weights, the family's own tokens).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from redraft.core.discovery import load_task
from redraft.core.example import Example
from redraft.core.work import Silent
from redraft.datasets.reader import Dataset
from redraft.datasets.writer import DatasetWriter
from redraft.models import layout, small
from redraft.models.load import load_checkpoint
from redraft.tasks.summary.conversation import conversation
from redraft.tasks.summary.drawing import count_pages
from redraft.tasks.summary.truth import truth_of
from redraft.training.events import read
from redraft.worker.verbs.train import start

PEPS = Path(__file__).parents[3] / "shared" / "data" / "documents" / "peps.jsonl"
COUNT = 3
STYLE = {"width": 128, "height": 128, "font_size": 11, "margin": 0.03, "line_spacing": 1.2}
CHARACTERS = (60, 60, 160)
"""Of each document: a page, a page, and two or three. 256 image tokens a page are most of a step's work."""
SETTINGS = {
    "max_steps": 2,
    "epochs": 9,
    "batch_size": COUNT,
    "learning_rate": 5e-3,
    "warmup": 0,
    "schedule": "constant",
    "feature_cache": "off",
    "threads": 1,
}


def documents(options: dict[str, Any]) -> list[Example]:
    """The beginnings of real documents and their summaries' first words."""
    if PEPS.is_file():
        with PEPS.open(encoding="utf-8") as file:
            rows = [json.loads(next(file)) for _ in range(COUNT)]
    else:
        made = load_task("summary").generate(COUNT, 0, load_task("summary").options({}), Silent())
        rows = [{"id": e.id, "text": e.truth["text"], "summary": e.answer} for e in made]
    found = []
    for row, characters in zip(rows, CHARACTERS, strict=True):
        truth = truth_of(row["text"][:characters].strip(), row["summary"][:80].strip())
        pages = count_pages(truth, 0, options)
        found.append(Example(str(row["id"]), (), conversation(truth["summary"], options, pages), truth))
    return found


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset without pictures, and a base model."""
    folder = tmp_path_factory.mktemp("smoke")
    task = load_task("summary")
    options = task.options({"style": STYLE})
    facts = {"task": task.name, "revision": task.revision, "options": options, "versions": task.versions()}
    with DatasetWriter(folder / "data", **facts, keep_images=False) as writer:
        for example in documents(options):
            writer.add("train", example)
    small.build("deepseek_ocr2", folder / "base")
    return folder


def trained(ground: Path, run: Path, model: dict[str, Any] | None = None, **train: Any) -> dict[str, Any]:
    """Two steps over all documents; the run's result, after what every run must have left."""
    recipe = {
        "task": "summary",
        "dataset": str(ground / "data"),
        "device": "cpu",
        "model": {"base": str(ground / "base"), **(model or {})},
        "train": {**SETTINGS, **train},
    }
    path = run.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(recipe))
    value = dict(start({"recipe": str(path), "out": str(run)}, Silent()).value)
    steps = [row for row in read(run) if row["kind"] == "step"]
    assert value["status"] == "finished" and len(steps) == 2
    for row in steps:
        assert math.isfinite(row["loss"]) and math.isfinite(row["gradient_norm"]) and row["gradient_norm"] > 0
        assert row["examples"] == COUNT
    for name in ("recipe.yaml", "events.jsonl", "result.json", "report.html", "checkpoints/step-2/manifest.json"):
        assert (run / name).is_file(), name
    layout.verify(run / "checkpoints" / "step-2")
    for file in (run / "checkpoints" / "step-2").rglob("*.safetensors"):
        assert all(
            torch.isfinite(tensor).all() for tensor in load_file(file).values() if tensor.is_floating_point()
        )
    return {**value, "losses": [row["loss"] for row in steps]}


@pytest.fixture(scope="module")
def standard(ground: Path) -> dict[str, Any]:
    """The plain run: all but the vision encoder is trained."""
    return trained(ground, ground / "standard")


def test_standard_training_smoke(standard: dict[str, Any]) -> None:
    """The second step's loss is below the first one's, and what was saved opens."""
    assert standard["losses"][1] < standard["losses"][0] - 0.1
    loaded = load_checkpoint(Path(standard["run"]))
    assert loaded.family == "deepseek_ocr2" and not loaded.adapter


def test_lora_training_smoke(ground: Path, tmp_path: Path) -> None:
    """An adapter on the language model alone: the base's weights are not in the checkpoint, and it opens again."""
    adapter = {"r": 4, "dropout": 0.0}
    found = trained(ground, tmp_path / "run", {"adapter": adapter}, learning_rate=2e-2)
    assert found["losses"][1] < found["losses"][0]
    saved = load_file(tmp_path / "run" / "checkpoints" / "step-2" / "model" / "adapter_model.safetensors")
    assert saved and all("lora" in name and "vision" not in name for name in saved)
    assert any(tensor.abs().sum() > 0 for name, tensor in saved.items() if "lora_B" in name)
    assert load_checkpoint(tmp_path / "run").adapter


def test_vision_encoder_frozen(ground: Path, standard: dict[str, Any]) -> None:
    """Bit for bit as it was, while the language model has changed."""
    saved = Path(standard["run"]) / standard["checkpoint"] / "model" / "model.safetensors"
    before, after = load_file(ground / "base" / "model.safetensors"), load_file(saved)
    assert before.keys() == after.keys()
    vision = [name for name in before if "vision" in name or "sam" in name]
    assert len(vision) > 20
    assert [name for name in vision if not torch.equal(before[name], after[name])] == []
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert any("layers.0" in name for name in changed) and len(changed) > 10


def test_augmentations_work(ground: Path, tmp_path: Path, standard: dict[str, Any]) -> None:
    """Other pages in every epoch, the same again for the same seed, in step with their places; and it trains."""
    task = load_task("summary")
    split = Dataset.open(ground / "data", task).split("train")
    transform = task.transform(task.options({"style": STYLE}), {"strength": 1.0, "effects": 1.0}, 0)
    for index in range(len(split)):
        plain = split.example(index)
        first, second = (transform(plain, epoch) for epoch in (0, 1))
        assert {i.bytes for i in first.images}.isdisjoint(i.bytes for i in second.images)
        for shown in (first, second):
            assert len(shown.images) == sum(m.image_count for m in shown.messages) <= len(plain.images)
            assert shown.answer == plain.answer
        # The reader need not draw it first: the pages are the same.
        assert transform(split.example(index, draw=False), 1) == second
    found = trained(ground, tmp_path / "run", augment={"strength": 1.0, "options": {"effects": 1.0}})
    assert found["losses"][1] < found["losses"][0] and found["losses"][0] != standard["losses"][0]
