"""`redraft evaluate` on a real run of the toy task: the command itself, and its verb in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from redraft.core.errors import RedraftError
from redraft.core.work import Silent
from redraft.worker.verbs import find_verb

TASKS = Path(__file__).parents[1] / "core"
RECIPE = """
task: toy_task
dataset: {dots}
model: {{base: tiny, freeze: [], options: {{picture: 32, channels: [8, 16], depths: [1, 1], width: 24, layers: 1,
        heads: 2, feed_forward: 48, numbers: 16}}}}
train: {{max_steps: 12, epochs: 100, batch_size: 8, learning_rate: 3.0e-3, evaluate_every: 12, threads: 1}}
evaluate: {{limit: 6, max_new_tokens: 4}}
"""


def verb(name: str, **request: Any) -> dict[str, Any]:
    return find_verb(name)(request, Silent()).value


def redraft(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "redraft", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, "COLUMNS": "140"},
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the dataset `dots` and the finished run `run`."""
    folder = tmp_path_factory.mktemp("evaluate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDRAFT_TASKS", str(TASKS))
        dots = folder / "dots"
        verb("data.generate", task="toy_task", out=str(dots), count=40, validation=8, test=10)
        (folder / "recipe.yaml").write_text(RECIPE.format(dots=dots))
        verb("train", recipe=str(folder / "recipe.yaml"), out=str(folder / "run"))
        yield folder


def test_the_command_compares_a_run_with_what_it_was(place: Path) -> None:
    done = redraft(
        place, "evaluate", "run", "dots", "--against", "untrained", "--samples", "2", "--json",
        "--out", "run/evaluations/test",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["examples"], found["split"], found["step"]) == (10, "test", 12)
    assert found["loss"] < found["against"]["loss"]
    assert found["best_of"]["samples"] == 2
    assert isinstance(found["blind"], bool)
    kept = place / "run" / "evaluations" / "test"
    assert len((kept / "answers.jsonl").read_text().splitlines()) == 10
    report = (place / "run" / "report.html").read_text()
    assert "On the test split" in report and "The untrained model" in report


def test_the_untrained_model_is_the_one_the_run_began_with(place: Path) -> None:
    """Its loss on the validation examples is the one that the run measured at step 0."""
    found = verb(
        "evaluate",
        checkpoint=str(place / "run"),
        dataset=str(place / "dots"),
        split="validation",
        limit=6,
        against="untrained",
    )
    at_0, at_12 = (_kept(place / "run" / "samples" / f"step-{step}") for step in (0, 12))
    assert found["against"]["loss"] == pytest.approx(at_0["loss"], rel=1e-6)
    assert found["loss"] == pytest.approx(at_12["loss"], rel=1e-6)
    assert found["mean"] == at_12["mean"]


def _kept(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "evaluation.json").read_text())
    return found


def test_the_figures_are_shown_as_a_table_and_in_words(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from redraft.cli.evaluate.screen import show_evaluation

    show_evaluation(verb("evaluate", checkpoint=str(place / "run"), dataset=str(place / "dots"), limit=5))
    shown = capsys.readouterr().out
    for words in ("score (first answer)", "95 % interval", "loss, wrong images", "over 5 examples", "are few"):
        assert words in shown


def test_training_examples_are_called_so(place: Path) -> None:
    found = verb("evaluate", checkpoint=str(place / "run"), dataset=str(place / "dots"), split="train", limit=4)
    assert any("was trained on these very examples" in sentence for sentence in found["says"])


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"dataset": "nowhere"}, 2, "there is no such dataset"),
        ({"checkpoint": "nowhere"}, 2, "there is no such model"),
        ({"checkpoint": "dots"}, 1, "this folder holds no model"),
        ({"dataset": "run"}, 1, "this folder is no dataset"),
        ({"split": "final"}, 2, "It has: train, validation, test"),
        ({"out": "dots"}, 1, "the output exists already"),
        ({"checkpoint": "http://127.0.0.1:9/v1#x", "limit": 1, "out": "new"}, 1, "the server gives no answer"),
    ],
)
def test_what_cannot_be_done_is_one_error_and_leaves_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], code: int, said: str
) -> None:
    monkeypatch.chdir(place)
    before = sorted(place.iterdir())
    with pytest.raises(RedraftError, match=said) as caught:
        verb("evaluate", **{"checkpoint": "run", "dataset": "dots", **changed})
    assert caught.value.exit_code == code
    assert sorted(place.iterdir()) == before


@pytest.mark.parametrize("arguments", [("run", "nowhere"), ("nowhere", "dots"), ("run", "dots", "--limit", "0")])
def test_wrong_usage_is_found_before_anything_starts(place: Path, arguments: tuple[str, ...]) -> None:
    done = redraft(place, "evaluate", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr and done.stderr.strip()
