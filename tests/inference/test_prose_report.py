"""The report of a run whose answers are texts: pages, reference and answer, marks, baselines."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
import yaml
from PIL import Image as Pictures
from plate_task import Answering

from redraft.core.discovery import load_task
from redraft.core.example import Example
from redraft.core.recipe import Evaluate, Recipe
from redraft.core.work import Silent
from redraft.inference.evaluation import evaluate
from redraft.inference.judged import judge_baselines
from redraft.worker.report import write_report
from redraft.worker.report.prose import SHOWN_PAGES, THUMBNAIL

DOCUMENT = "The <ferry> left at nine with 40 people. {0} waited at the harbour. " + "It was cold & dark. " * 60


class Page(HTMLParser):
    """text: what a reader sees, and each mark's own."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.marked: list[str] = []
        self.text, self._inside = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "mark"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._inside:
            self.marked.append(data)


def answer(example: Example, sample: int) -> str:
    return {"d0": example.answer, "d1": "<b>Olaf</b> told Olga of 41 & 40 people.", "d2": ""}[example.id]


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    task = load_task("summary")
    options = task.options({"style": {"width": 320, "height": 320}})
    found = []
    for number, name in enumerate(("Anna", "Boris", "شلوي")):
        text = DOCUMENT.format(name) * (1 + 6 * (number == 1))
        truth = {"text": text, "format": "text", "summary": f"{name} waited."}
        images, messages = task.draw(truth, 0, options), task.messages(truth, options)
        found.append(Example(f"d{number}", images, messages, truth, number))
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, examples: list[Example]) -> Path:
    folder, task, settings = tmp_path_factory.mktemp("run"), load_task("summary"), Evaluate(split="test")
    recipe = Recipe(task="summary", dataset="documents").model_dump(mode="json")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (folder / "events.jsonl").write_text(json.dumps({"kind": "step", "step": 1, "loss": 1.0}) + "\n")
    beside = judge_baselines(task, examples, Silent())
    for step in (0, 5):
        evaluate(
            Answering("m", answer if step else lambda e, s: "Nothing 7."),
            task,
            examples,
            settings,
            Silent(),
            folder=folder / "samples" / f"step-{step}",
            step=step,
            before=folder / "samples" / "step-0" if step else None,
            beside=beside,
        )
    untrained = Answering("the untrained model", lambda e, s: "Nothing 7.")
    final = folder / "evaluations" / "test"
    evaluate(Answering("m", answer), task, examples, settings, Silent(), baseline=untrained, folder=final, step=5)
    return folder


def test_pages_are_shown_small_and_counted(run: Path, examples: list[Example]) -> None:
    page = Page(write_report(run).read_text())
    sources = [a["src"] for tag, a in page.tags if tag == "img" and (a["alt"] or "").startswith("Picture")]
    most = max(len(example.images) for example in examples)
    assert most > SHOWN_PAGES
    assert f"Shown to the model: {most} pictures" in page.text and f"and {most - SHOWN_PAGES} more" in page.text
    assert len(sources) == 2 * sum(min(len(example.images), SHOWN_PAGES) for example in examples)
    for source in sources:
        picture = Pictures.open(BytesIO(base64.b64decode(str(source).partition(",")[2])))
        assert picture.height <= THUMBNAIL and picture.mode == "P"


def test_reference_and_answer_stand_side_by_side_with_what_is_not_in_the_document(run: Path) -> None:
    html = write_report(run).read_text()
    page = Page(html)
    assert "Boris waited." in page.text and "<b>Olaf</b> told Olga of 41 & 40 people." in page.text
    assert {"Olga", "41"} <= set(page.marked) and "40" not in page.marked
    assert "does not stand in the document" in page.text
    assert "<b>Olaf" not in html
    assert ("div", {"class": "prose", "dir": "auto"}) in page.tags
    assert "No text." in page.text and "empty" in page.text


def test_baselines_stand_in_the_head_the_tables_and_the_cards(run: Path) -> None:
    text = Page(write_report(run).read_text()).text
    figures = json.loads((run / "evaluations" / "test" / "evaluation.json").read_text())
    best = max(figures["baselines"], key=lambda name: figures["baselines"][name]["mean"])
    assert f"Best baseline, {best}{figures['baselines'][best]['mean']:.3f}" in text
    for name, other in figures["baselines"].items():
        # once after training, and once for the whole of it
        assert len(re.findall(rf"Baseline {name}\d", text)) == 2
        assert f"{other['gain']['difference']:+.3f}" in text
    assert "This model above it" in text and "Measured besides" in text
    assert "Before training" in text and "Other answers, and figures" in text
    labels = [a.get("aria-label") for tag, a in Page(write_report(run).read_text()).tags if tag == "svg"]
    assert any(str(label).startswith("Score of generated answers: valid, ") for label in labels)


def test_a_loop_and_a_cut_answer_are_said(tmp_path: Path, examples: list[Example]) -> None:
    class Ending(Answering):
        def predict(self, examples, *, samples=1):
            rows = super().predict(examples, samples=samples)
            ends = ("loop", "length", "stop")
            return [[replace(row[0], finish=end)] for row, end in zip(rows, ends, strict=True)]

    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"task": "summary", "dataset": "d"}))
    (tmp_path / "events.jsonl").write_text("")
    at = tmp_path / "samples" / "step-1"
    task, settings = load_task("summary"), Evaluate(split="test", keep_samples=3)
    evaluate(Ending("m", lambda e, s: "It was cold."), task, examples, settings, Silent(), folder=at, step=1)
    (at / "01" / "1-page-001.png").write_bytes(b"no picture")
    text = Page(write_report(tmp_path).read_text()).text
    assert "repeated itself" in text and "cut at the limit" in text
    assert "1-page-001.png is missing or cannot be read." in text
