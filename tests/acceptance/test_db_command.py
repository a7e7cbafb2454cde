"""`redraft db` as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def redraft(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "redraft", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_a_folder_without_anything(state_home: Path, tmp_path: Path) -> None:
    done = redraft("db", "sync", tmp_path / "home", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["datasets"] == {"new": 0, "known": 0, "missing": 0} and found["left_out"] == []
    told = json.loads(redraft("db", "status", "--json").stdout)
    assert told["rows"]["models"] > 5 and told["where"] == str(state_home / "redraft.sqlite")


def test_people_read_a_table(state_home: Path) -> None:
    done = redraft("db", "sync")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["new", "datasets", "runs", "models"]


def test_mistakes_are_one_line_and_a_code(
    state_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = redraft("db", "sync", tmp_path / "nothing")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("error: ") and "there is no such folder" in done.stderr
    (state_home / "redraft.sqlite").write_text("a letter " * 500)
    done = redraft("db", "status")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "no database of redraft" in done.stderr
    monkeypatch.setenv("REDRAFT_DATABASE", "postgresql://me:secret@127.0.0.1:9/x")
    done = redraft("db", "status")
    assert done.returncode == 1 and "cannot be reached" in done.stderr and "secret" not in done.stderr
