"""A third task is one folder: it appears in the command line without another line changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def redraft(*arguments: str, tasks: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "REDRAFT_TASKS"}
    if tasks:
        environment["REDRAFT_TASKS"] = str(HERE)
    return subprocess.run(
        [sys.executable, "-m", "redraft", *arguments],
        env=environment | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_its_command_is_there_only_with_its_folder() -> None:
    assert " dots " in redraft("--help").stdout
    assert " dots " not in redraft("--help", tasks=False).stdout


def test_its_verb_runs_in_a_worker(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({"places": [[4, 4], [11, 11], [18, 18]]}))
    done = redraft("dots", str(truth), "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"dots": 3})
    assert redraft("dots", str(truth)).stdout == "3 dots\n"


def test_its_data_is_made_checked_and_shown(tmp_path: Path) -> None:
    out = tmp_path / "dots"
    made = redraft("data", "generate", "toy_task", str(out), "--count", "5", "--option", "most=3", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["examples"] == 5
    checked = redraft("data", "check", str(out), "--json")
    assert (checked.returncode, json.loads(checked.stdout)["faults"]) == (0, [])


def test_an_unknown_task_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    done = redraft("data", "generate", "no_such", str(tmp_path / "x"), "--count", "1")
    assert done.returncode == 2
    assert "toy_task" in done.stderr and "cad" in done.stderr and "Traceback" not in done.stderr
