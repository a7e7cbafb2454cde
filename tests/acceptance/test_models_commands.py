"""`redraft models ...` as a person or a script runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tinyllava_folders import publish


def models(home: Path, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "redraft", "models", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "REDRAFT_HOME": str(home / "redraft"),
            "HF_HOME": str(home / "hf"),
            "HF_HUB_OFFLINE": "1",
            "COLUMNS": "160",
        },
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr and "has a bug" not in done.stderr
    return done


def test_importing_and_then_finding_it_in_the_list(tmp_path: Path) -> None:
    source = publish(tmp_path / "published", "llama", "clip", whole=True).folder
    out = tmp_path / "redraft" / "models" / "mine"
    value = json.loads(models(tmp_path, "import", source, out, "--json").stdout)
    assert value["output"] == str(out) and value["layout"] == "tinyllava" and value["walls"] is None
    (entry,) = json.loads(models(tmp_path, "list", "--json").stdout)["models"]
    assert entry["name"] == str(out) and entry["family"] == "llava" and entry["parameters"] == value["parameters"]


def test_mistakes_are_said_in_one_line(tmp_path: Path) -> None:
    nowhere, out = tmp_path / "nowhere", tmp_path / "out"
    assert "no models on this machine yet" in models(tmp_path, "list").stdout
    assert "there is no such folder" in models(tmp_path, "push", nowhere, "alice/mine", code=2).stderr
    (tmp_path / "empty").mkdir()
    assert "no config.json" in models(tmp_path, "import", tmp_path / "empty", out, code=1).stderr
    assert "HF_ENDPOINT" in models(tmp_path, "pull", "alice/mine", code=1).stderr
    assert not out.exists()
