"""The run report of a folder as training and evaluation write it."""

from __future__ import annotations

import base64
import json
import math
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
import yaml
from PIL import Image as Pictures
from plate_task import Seeing, near

from redraft.core.errors import InputError
from redraft.core.recipe import Evaluate, Recipe
from redraft.core.work import Silent
from redraft.inference.evaluation import evaluate
from redraft.worker.report import write_report
from redraft.worker.report.curves import Curve, chart, nice_ticks, number, smooth


class Page(HTMLParser):
    """What a browser would fetch, run, and read of a page; fails on tags that do not nest."""

    VOID = frozenset({"meta", "img", "br", "line", "circle", "path", "link", "fefuncr", "fefuncg", "fefuncb"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.open, self.words, self.addresses = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory, plates) -> Path:
    """A finished run of 60 steps, evaluated at 0, 30 and 60, and on the test split against what it was before."""
    folder = tmp_path_factory.mktemp("runs") / "plates <1>"
    folder.mkdir()
    recipe = Recipe(task="plates", dataset="data/plates & more", seed=5)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe.model_dump(mode="json")))
    start = {
        "kind": "start",
        "machine": {"device": "cpu", "threads": 2},
        "versions": {"torch": "9.8.7"},
        "model": {"trainable": 1234567},
        "dataset": {"fingerprint": "sha256:abc", "examples": 64},
    }
    rows = [start, *(_step(step) for step in range(1, 61))]
    (folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    examples = list(plates.generate(24, 7, {}, None))
    first = None
    for step in (0, 30, 60):
        model = Seeing("plates", near(40 - step // 2, 0.5 - step / 150), 3.0 - step / 40, step / 60)
        at = folder / "samples" / f"step-{step}"
        evaluate(model, plates, examples, Evaluate(), Silent(), folder=at, step=step, before=first)
        first = first or at
    untrained = Seeing("the untrained model", near(40, 0.9), 3.0, 0.0)
    evaluate(
        model,
        plates,
        list(plates.generate(24, 8, {}, None)),
        Evaluate(split="test", keep_samples=2),
        Silent(),
        baseline=untrained,
        folder=folder / "evaluations" / "test",
        step=60,
    )
    result = {"status": "finished", "steps": 60, "first_loss": 3.5, "train_loss": 0.7, "peak_memory_bytes": 2**30}
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def _step(step: int) -> dict:
    return {
        "kind": "step",
        "step": step,
        "loss": 0.5 + 3 * math.exp(-step / 20),
        "learning_rate": 1e-3 * (1 - step / 60),
        "gradient_norm": 1.0,
        "examples_per_second": 20.0 + step % 3,
    }


def test_the_page_is_whole_by_itself(run):
    path = write_report(run)
    assert path == run / "report.html"
    page = Page(path.read_text())
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "base", "form"}
    assert page.addresses and all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not re.search(r"@import|url\((?!#)|https?:", path.read_text())
    for address in page.addresses:
        Pictures.open(BytesIO(base64.b64decode(address.partition(",")[2]))).verify()


def test_it_says_what_the_run_reached(run):
    page = Page(write_report(run).read_text())
    final = json.loads((run / "evaluations" / "test" / "evaluation.json").read_text())
    text = page.text
    assert "The run plates <1> finished after 60 steps on the dataset plates & more." in text
    assert f"{final['mean']:.3f}" in text
    assert f"{final['interval'][0]:.3f} to {final['interval'][1]:.3f}" in text
    for sentence in final["says"]:
        assert text.count(sentence) == 1
    assert "from 3.5, 80 % less" in text
    for fact in ("sha256:abc", "1,234,567", "torch 9.8.7", "seed: 5", "1.00 GiB"):
        assert fact in text
    for heading in ("How it learned", "On the test split", "The recipe", "What this report does not cover"):
        assert heading in text


def test_samples_show_the_views_and_both_answers(run):
    page = Page(write_report(run).read_text())
    kept = json.loads((run / "samples" / "step-60" / "samples.json").read_text())["samples"]
    assert len(kept) == 4
    for row in kept:
        assert row["id"] in page.text
        assert row["true_answer"] in page.text
        assert row["before"]["answer"] in page.text
    shown = {base64.b64decode(address.partition(",")[2]) for address in page.addresses}
    for row in kept:
        for path in [*row["images"], *row["drawn"], *row["before"]["drawn"]]:
            assert (run / "samples" / "step-60" / path).read_bytes() in shown


def test_every_chart_has_its_curves(run):
    page = Page(write_report(run).read_text())
    labels = [attrs["aria-label"] for tag, attrs in page.tags if tag == "svg" and "aria-label" in attrs]
    assert labels == [
        "Loss: each batch, smoothed, validation, validation, wrong images",
        "Score of generated answers: valid, score",
        "Learning rate: learning rate",
        "Throughput: throughput",
        "Gradient norm: gradient norm",
    ]
    for tag, attrs in page.tags:
        for name in ("x", "y", "cx", "cy", "x1", "x2", "y1", "y2"):
            if tag in ("text", "circle", "line") and attrs.get(name):
                assert -1 <= float(attrs[name]) <= 481


def test_a_blind_model_is_named_before_all_else(run, tmp_path, plates):
    folder = _bare(tmp_path)
    examples = list(plates.generate(12, 1, {}, None))
    blind = Seeing("m", near(3, 0.0), 2.0, 0.0)
    evaluate(blind, plates, examples, Evaluate(), Silent(), folder=folder / "samples" / "step-3", step=3)
    page = Page(write_report(folder).read_text())
    assert page.text.count("This model is blind") == 1
    assert ("p", {"class": "warn"}) in page.tags


def test_a_run_that_has_only_begun_is_reported_too(tmp_path):
    page = Page(write_report(_bare(tmp_path)).read_text())
    assert "has not finished after 1 step on" in page.text
    assert "This run has not been evaluated yet." in page.text
    assert "nothing is known of how good the model is" in page.text


def test_a_cut_line_and_a_missing_picture_are_said(run, tmp_path, plates):
    folder = _bare(tmp_path)
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')
    at = folder / "samples" / "step-1"
    model, examples = Seeing("m", near(3, 0.0), 2.0, 1.0), list(plates.generate(6, 1, {}, None))
    evaluate(model, plates, examples, Evaluate(), Silent(), folder=at, step=1)
    (at / "01" / "1-front.png").unlink()
    page = Page(write_report(folder).read_text())
    assert "1 of 2 lines of events.jsonl cannot be read" in page.text
    assert "1-front.png is missing." in page.text


def test_answers_cannot_inject_markup(tmp_path, plates):
    folder = _bare(tmp_path)
    wild = Seeing("<script>alert(1)</script>", lambda e, s: "<img src=x onerror=alert(1)>", 2.0, 1.0)
    examples = list(plates.generate(3, 1, {}, None))
    evaluate(wild, plates, examples, Evaluate(), Silent(), folder=folder / "samples" / "step-1", step=1)
    page = Page(write_report(folder).read_text())
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<img src=x onerror=alert(1)>" in page.text


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="no run"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_ticks_are_round_and_hold_the_values():
    assert nice_ticks(0, 1) == [0, 0.25, 0.5, 0.75, 1.0]
    assert nice_ticks(0.72, 4.3) == [0, 1, 2, 3, 4, 5]
    assert nice_ticks(3, 3)[0] < 3 < nice_ticks(3, 3)[-1]
    assert [number(value) for value in (0, 25_000, 2_500_000)] == ["0", "25k", "2.5M"]
    assert [number(value) for value in (0.00001, 0.25)] == ["1e-5", "0.25"]


def test_smoothing_keeps_a_level_and_follows_a_step():
    assert all(y == pytest.approx(2.0) for _, y in smooth([(x, 2.0) for x in range(50)]))
    risen = smooth([(x, 0.0 if x < 100 else 1.0) for x in range(200)])
    assert risen[99][1] == 0
    assert risen[-1][1] > 0.95


def test_curves_without_points_draw_nothing():
    assert chart("Loss", "nats", [Curve("a", [])]) == ""
    assert chart("Loss", "nats", [Curve("a", [(1.0, float("nan"))])]) == ""


def _bare(folder: Path) -> Path:
    (folder / "recipe.yaml").write_text(yaml.safe_dump(Recipe(task="plates", dataset="d").model_dump(mode="json")))
    (folder / "events.jsonl").write_text(json.dumps(_step(1)) + "\n")
    return folder
