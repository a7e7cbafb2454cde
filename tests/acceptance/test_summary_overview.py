"""What docs/summary.md shows is what happens: its list, and its three commands, on fewer documents and steps."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from redraft.tasks.summary.demo import STYLE
from typed_commands import typed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "summary.md").read_text(encoding="utf-8")
SMALLER = {"3000": "24", "200": "4", "100": "2"}
"""Counts of the page to those of this test."""


def block(after: str, language: str = "") -> str:
    """The first fenced block behind a heading or a sentence of the page."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE[PAGE.index(after) :], flags=re.S)
    assert found
    return found[1]


def test_three_commands_lead_from_a_list_to_a_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    exec(block("A list to try it with", "python").replace("range(3300)", "range(30)"), {})
    commands = [shlex.split(line)[1:] for line in block("Three commands").splitlines()]
    assert [command[0] for command in commands] == ["data", "train", "evaluate"]
    made = typed([SMALLER.get(word, word) for word in commands[0]])
    assert made["counts"] == {"train": 24, "validation": 2, "test": 4}
    run = typed([*commands[1], "train.max_steps=3", "train.evaluate_first=false", "evaluate.max_new_tokens=8"])
    assert run["steps"] == 3
    scored = typed(commands[2])
    assert scored["examples"] == 4 and 0 <= scored["mean"] <= 1
    assert {"lead-3", "textrank"} <= set(scored["baselines"]) and "untrained" in scored["against"]["model"]


def test_the_page_shows_the_style_of_the_demonstration(tmp_path: Path) -> None:
    words = shlex.split(block("Three commands").splitlines()[0])
    given = dict(word.removeprefix("style.").split("=") for word in words if word.startswith("style."))
    assert {key: float(value) for key, value in given.items()} == yaml.safe_load(STYLE)


def test_the_recipe_is_the_demonstrations() -> None:
    recipe = yaml.safe_load((ROOT / "recipes" / "summary-tiny.yaml").read_text())
    shown = (ROOT / "src/redraft/tasks/summary/demo.yaml").read_text().replace("MINUTES", "5")
    demo = yaml.safe_load(shown)
    assert recipe["model"] == demo["model"]
    assert {key: recipe["train"][key] for key in ("batch_size", "learning_rate", "betas", "weight_decay")} == {
        key: demo["train"][key] for key in ("batch_size", "learning_rate", "betas", "weight_decay")
    }


def test_the_options_of_the_page_are_all_there_are() -> None:
    from redraft.tasks.summary.options import SummaryOptions

    table = PAGE[PAGE.index("## Options of a dataset") :]
    assert set(re.findall(r"^\| `(\w+)` \|", table, flags=re.M)) == set(SummaryOptions.model_fields)
    assert json.dumps(SummaryOptions().max_pages) in table
