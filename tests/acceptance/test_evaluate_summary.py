"""A real run of the task summary: baselines and the untrained model stand beside it unasked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from redraft.core.work import Silent
from redraft.worker.verbs import find_verb

RECIPE = """
task: summary
dataset: {documents}
model: {{base: tiny, freeze: [], options: {{picture: 64, channels: [8, 16], depths: [1, 1], width: 24, layers: 1,
        heads: 2, feed_forward: 48, numbers: 16}}}}
train: {{max_steps: 4, epochs: 100, batch_size: 4, learning_rate: 3.0e-3, evaluate_every: 2, threads: 1,
        evaluate_first: false}}
evaluate: {{limit: 3, max_new_tokens: 4}}
"""


def verb(name: str, **request: Any) -> dict[str, Any]:
    return find_verb(name)(request, Silent()).value


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the dataset `documents` and the finished run `run`."""
    folder = tmp_path_factory.mktemp("evaluate-summary")
    documents = folder / "documents"
    made = {"count": 8, "validation": 3, "test": 4, "options": {"level": "simple"}}
    verb("data.generate", task="summary", out=str(documents), **made)
    (folder / "recipe.yaml").write_text(RECIPE.format(documents=documents))
    verb("train", recipe=str(folder / "recipe.yaml"), out=str(folder / "run"))
    return folder


def test_baselines_and_the_untrained_model_stand_beside_it_unasked(place: Path) -> None:
    request = {"checkpoint": str(place / "run"), "dataset": str(place / "documents")}
    found = verb("evaluate", **request, measures=["stemmed"])
    assert found["against"]["model"] == "the untrained model"
    assert list(found["baselines"]) == ["lead-3", "lead-words", "textrank"]
    assert all(other["examples"] == 4 and other["gain"]["interval"] for other in found["baselines"].values())
    assert "rouge1_stemmed" in found["details"]


def test_every_evaluation_of_the_run_has_the_same_baselines(place: Path) -> None:
    kept = [json.loads(path.read_text()) for path in sorted((place / "run" / "samples").glob("*/evaluation.json"))]
    assert len(kept) == 2
    means = [{name: other["mean"] for name, other in figures["baselines"].items()} for figures in kept]
    assert means[0] == means[1] and len(means[0]) == 3
    report = (place / "run" / "report.html").read_text()
    assert report.count("<td>Baseline lead-3</td>") == 1


def test_nothing_but_the_baselines_where_it_is_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from redraft.cli.evaluate.screen import show_evaluation

    request = {"checkpoint": str(place / "run"), "dataset": str(place / "documents")}
    found = verb("evaluate", **request, against="none", limit=2)
    assert "against" not in found and "baselines" in found
    show_evaluation(found)
    shown = capsys.readouterr().out
    for words in ("beside it", "textrank", "measured besides", "length ratio", "The baseline lead-3"):
        assert words in shown


def test_a_base_that_is_gone_is_said_and_does_not_stop_the_evaluation(place: Path) -> None:
    recipe = next((place / "run" / "checkpoints").glob("*/recipe.json"))
    whole = recipe.read_text()
    data = json.loads(whole)
    data["model"]["base"] = str(place / "gone")
    work = Silent()
    try:
        recipe.write_text(json.dumps(data))
        request = {"checkpoint": str(place / "run"), "dataset": str(place / "documents"), "limit": 2}
        found = find_verb("evaluate")(request, work).value
    finally:
        recipe.write_text(whole)
    assert "against" not in found
    assert any("the untrained model does not stand beside this one" in line for line in work.logs)
