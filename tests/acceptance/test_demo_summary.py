"""The demonstration of summaries: every step of it for real in a few seconds, and what it shows at its length."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from redraft.tasks.summary.demo import steps
from typed_commands import typed

STEPS = ["documents", "check", "train", "evaluate", "held-out", "summarize"]


def play(out: Path, minutes: float) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """All steps, done in this process; their results and the closing lines."""
    results: dict[str, dict[str, Any]] = {}
    out.mkdir()
    playing = steps(out, minutes)
    step = next(playing)
    while True:
        results[step.name] = typed(step.command)
        assert step.told(results[step.name])
        try:
            step = playing.send(results[step.name])
        except StopIteration as end:
            return results, end.value


def test_every_step_works_however_short_it_is(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    results, closing = play(out, 0.1)
    assert list(results) == STEPS
    assert results["check"]["errors"] == 0
    assert {"lead-3", "textrank"} <= set(results["evaluate"]["baselines"])
    assert "untrained" in results["evaluate"]["against"]["model"]
    assert results["summarize"]["pages"] == len(list((out / "pages").glob("*.png")))
    for name in ("run/report.html", "held-out/document.md", "summary.txt"):
        assert (out / name).is_file()
    told = "\n".join(closing)
    assert "has not learned to read its pages" in told and "What it cannot" in told
    assert results["held-out"]["truth"]["summary"] in told


def test_the_summarized_page_is_the_one_of_the_dataset(tmp_path: Path) -> None:
    """The text in a file makes the pages that training drew of the same text in a dataset."""
    import yaml

    from redraft.core.work import Silent
    from redraft.tasks.summary.demo import STYLE
    from redraft.tasks.summary.drawing import draw_pages
    from redraft.tasks.summary.given import open_document
    from redraft.tasks.summary.task import TASK

    options = TASK.options({"level": "simple", "style": yaml.safe_load(STYLE)})
    for example in TASK.generate(12, 1, options, Silent()):
        path = tmp_path / "document.md"
        path.write_text(example.truth["text"], encoding="utf-8")
        given = open_document(path, path.name, Silent())
        assert draw_pages(given.truth, 0, options).images == TASK.draw(example.truth, example.seed, options)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_in_its_minutes_the_model_reads_its_pages(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    command = [sys.executable, "-m", "redraft", "demo", "--task", "summary", "--out", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1100, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    scored = results["evaluate"]
    assert scored["images"]["blind"] is False
    assert scored["loss_shuffled"] > 2 * scored["loss"]
    assert scored["against"]["gain"]["interval"][0] > 0
    assert all(scored["mean"] > baseline["mean"] + 0.2 for baseline in scored["baselines"].values())
    again = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert json.loads(again.stdout) == results
    assert again.stderr.count("done before") == len(results)
