"""The recipes for summaries train on drawn documents, and what they save sees what they saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from redraft.core.discovery import load_task
from redraft.core.errors import InputError
from redraft.core.example import Example
from redraft.core.work import Silent
from redraft.datasets.reader import Dataset
from redraft.datasets.writer import DatasetWriter
from redraft.inference.opening import open_predictor
from redraft.models import small
from redraft.tasks.summary.conversation import conversation
from redraft.tasks.summary.drawing import count_pages
from redraft.tasks.summary.given import open_document
from redraft.tasks.summary.showing import Showing
from redraft.tasks.summary.truth import truth_of
from redraft.worker.context import lend_sight
from redraft.worker.verbs.train import start

ROOT = Path(__file__).parents[2]
PAGE = 256
"""Pixels of the documents' pages."""
VIEW = {"height": 96, "width": 96}
SEEN: dict[str, Any] = {
    "deepseek_ocr2": {"size": VIEW, "tile_size": 96, "crop_to_patches": False},
    "unlimited_ocr": {"size": VIEW, "crop_to_patches": False},
    "granite_docling": {"max_patches": 4},
    "smolvlm": {"size": {"longest_edge": 112}},
}
"""Few tokens a page in the small instances, whose pictures are smaller than the published models'."""


def two_steps(
    name: str,
    family: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: Mapping[str, Any] | None = None,
    *,
    long: bool = False,
    sizes: Mapping[str, Any] | None = None,
    work: Silent | None = None,
) -> dict[str, Any]:
    """Two steps of a recipe on a small instance and on documents of one to three pages. more: other settings.
    long: adds a document of some twenty pages to the validation split. sizes: of the small instance."""
    monkeypatch.setenv("REDRAFT_HOME", str(folder / "home"))
    task = load_task("summary")
    style = {"width": PAGE, "height": PAGE, "font_size": 14}
    options = task.options({"level": "simple", "style": style})
    with DatasetWriter(
        folder / "data", task=task.name, revision=task.revision, options=options, keep_images=False
    ) as writer:
        for number, example in enumerate(task.generate(8, 0, options, Silent())):
            writer.add("validation" if number > 5 else "train", example)
        if long:
            truth = truth_of("So it was, and so it is. " * 250, "So it is.")
            pages = count_pages(truth, 0, options)
            writer.add("validation", Example("long", (), conversation("So it is.", options, pages), truth))
    small.build(family, folder / "base", **(sizes or {}))
    instead = {
        "task": "summary",
        "dataset": folder / "data",
        "device": "cpu",
        "model.base": folder / "base",
        "model.pictures": json.dumps(SEEN[family]),
        "train.epochs": 4,
        "train.max_steps": 2,
        "train.accumulate": 1,
        "train.threads": 1,
        "train.workers": 1,
        "evaluate.max_new_tokens": 40,
        "evaluate.loop_stop": 12,
        **(more or {}),
    }
    request = {
        "recipe": str(ROOT / "recipes" / f"{name}.yaml"),
        "overrides": [f"{key}={value}" for key, value in instead.items()],
        "out": str(folder / "run"),
    }
    value: dict[str, Any] = start(request, work or Silent()).value
    return value


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("summary-unlimited_ocr", "unlimited_ocr"),
        pytest.param("summary-deepseek_ocr2", "deepseek_ocr2", marks=pytest.mark.slow),
        pytest.param("summary-deepseek_ocr2-full", "deepseek_ocr2", marks=pytest.mark.slow),
        pytest.param("summary-granite_docling", "granite_docling", marks=pytest.mark.slow),
        pytest.param("quick_test", "smolvlm", marks=pytest.mark.slow),
        pytest.param("standard", "smolvlm", marks=pytest.mark.slow),
        pytest.param("high_quality", "smolvlm", marks=pytest.mark.slow),
        pytest.param("memory_efficient", "smolvlm", marks=pytest.mark.slow),
    ],
)
def test_a_recipe_trains_on_documents_and_what_it_saves_sees_the_same_pixels(
    name: str, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = two_steps(name, family, tmp_path, monkeypatch)
    assert value["status"] == "finished" and value["steps"] == 2 and 0 < value["train_loss"] < 100

    dataset = Dataset.open(tmp_path / "data", load_task("summary"))
    example = dataset.split("validation")[0]
    predictor = open_predictor(tmp_path / "run", device="cpu")
    assert predictor.settings.loop_stop == 12
    file = tmp_path / "notice.md"
    file.write_text(str(example.truth["text"]), encoding="utf-8")
    given = open_document(file, file.name, Silent())
    shown = Showing(predictor.task_options, lend_sight(str(tmp_path / "run")), Silent()).show(given)
    assert shown.pages == len(example.images) >= 1
    trained, served = predictor.encoder.encode(example), predictor.encoder.encode_prompt(shown.example)
    assert torch.equal(trained.input_ids[: trained.prompt_length], served.input_ids)
    assert trained.pixel_values is not None and served.pixel_values is not None
    assert torch.equal(trained.pixel_values, served.pixel_values)
    assert all(
        torch.equal(trained.extra[key], served.extra[key]) for key in trained.extra if key not in trained.per_token
    )

    pictures = predictor.encoder.processor.image_processor.to_dict()
    assert {key: pictures[key] for key in SEEN[family]} == SEEN[family]


@pytest.mark.parametrize("bad", ["skip", "stop"])
def test_a_document_that_the_model_cannot_take_is_not_evaluated_and_said(
    bad: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Silent()
    more = {"train.bad_examples": bad, "train.batch_tokens": 300, "evaluate.limit": 8}
    options = {"long": True, "sizes": {"positions": 300}, "work": work}
    if bad == "stop":
        with pytest.raises(InputError, match="leave no room for an answer in the 300") as caught:
            two_steps("summary-unlimited_ocr", "unlimited_ocr", tmp_path, monkeypatch, more, **options)
        assert caught.value.where == "long"
        return
    value = two_steps("summary-unlimited_ocr", "unlimited_ocr", tmp_path, monkeypatch, more, **options)
    assert value["status"] == "finished"
    assert [name for name, _ in work.omissions] == ["long"] and "not evaluated" in work.omissions[0][1]
