"""The main job by one command, and again: a finished demonstration is not done twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from redraft.cli.demo import RECORD


def demo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "redraft", "demo", *map(str, arguments)], capture_output=True,
                          text=True, timeout=900, check=False)  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_short_demonstration_makes_everything_it_names(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = demo("--out", out, "--minutes", "1", "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert list(results) == ["parts", "check", "export", "train", "evaluate", "held-out", "reconstruct"]
    assert results["check"]["errors"] == 0
    assert sum(results["export"]["conversations"].values()) == 3 * results["parts"]["examples"]
    assert results["evaluate"]["images"]["blind"] in (True, False)
    for name in ("run/report.html", "held-out/front.png", "tinyllava", RECORD):
        assert (out / name).exists()
    again = demo("--out", out, "--minutes", "1", "--json")
    assert json.loads(again.stdout) == results
    assert again.stderr.count("done before") == len(results)


def test_a_folder_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = demo("--out", tmp_path)
    assert done.returncode in (1, 2)
    assert "is no demonstration" in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unknown_task_names_the_known_ones(tmp_path: Path) -> None:
    done = demo("--task", "knitting", "--out", tmp_path / "x")
    assert done.returncode == 2
    assert "cad" in done.stderr
    assert not (tmp_path / "x").exists()
