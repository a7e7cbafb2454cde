"""Walks the map from the earlier systems: what it promises today is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from typed_commands import help_of

ROOT = Path(__file__).parents[2]
MAP = (ROOT / "docs" / "from-earlier-systems.md").read_text(encoding="utf-8")
TODAY = MAP.partition("## Here today")[2].partition("## Still to come")[0]
ROWS = [
    row.split("|")[2] for row in TODAY.splitlines() if row.startswith("| ") and not row.startswith("| earlier")
]
PROMISES = sorted({promise for row in ROWS for promise in re.findall(r"`([^`]+)`", row)})


def test_every_row_promises_something() -> None:
    assert len(ROWS) >= 15
    assert all("`" in row for row in ROWS)


@pytest.mark.parametrize("promise", PROMISES)
def test_the_promise_is_kept(promise: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    if promise.startswith("redraft "):
        words = [word for word in promise.split()[1:] if not word.startswith("-")]
        groups = words[:2] if words[0] in ("data", "cad", "models", "summary", "jobs", "db") else words[:1]
        shown = help_of(*groups)
        assert shown, f"there is no command '{' '.join(groups)}'"
        for option in (word for word in promise.split() if word.startswith("--")):
            assert option in shown
    elif promise.startswith("redraft."):
        module, _, name = promise.rpartition(".")
        try:
            importlib.import_module(promise)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), name)
    elif promise.endswith((".yaml", ".yml", ".md", ".sh", ".py")):
        assert (ROOT / promise).is_file()
    elif promise.startswith("--"):
        assert any(promise in row for row in ROWS)
    elif promise.startswith("model."):
        from redraft.core.recipe import Model

        assert promise.partition(".")[2] in Model.model_fields
    elif found := re.fullmatch(r"(GET |POST )?(/api/[a-z/{}]+)", promise):
        assert (found[1] or "get").strip().lower() in _operations(found[2])
    elif promise == "/data":
        assert 'VOLUME ["/data"]' in (ROOT / "deploy/Dockerfile.cpu").read_text(encoding="utf-8")
    elif promise == "REDRAFT_HOME":
        assert promise in (ROOT / "src/redraft/core/home.py").read_text(encoding="utf-8")
    elif promise == "processes":
        from redraft.queue.kinds import KINDS

        assert promise in KINDS["train"].payload.model_fields
    else:
        assert promise == "report.html", f"the test does not know how to check {promise!r}"


def _operations(path: str) -> dict[str, object]:
    """The methods of a path of the API; names of its parameters do not matter."""
    from redraft.web.app import create_app

    paths = create_app().openapi()["paths"]
    known = {re.sub(r"{\w+}", "{id}", name): found for name, found in paths.items()}
    return dict(known.get(path, {}))
