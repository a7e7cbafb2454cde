"""One machine's caches, and `redraft` on it, with the hub of `hub_server`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from hub_server import TOKEN, Hub
from redraft.core.errors import RedraftError
from redraft.core.work import Silent
from redraft.worker.verbs import find_verb


class Machine:
    """One machine's caches: `run` is the command line in a process of its own, `pull` the same in this one."""

    def __init__(self, home: Path, hub: Hub, token: str | None = None) -> None:
        self.home, self.hub, self.token = home, hub, token
        self.work = Silent()

    def run(self, *arguments: str | Path, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
        done = subprocess.run(
            [sys.executable, "-m", "redraft", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            env=clean | {"COLUMNS": "160"} | self.hub.environment(self.home, self.token, **more),
        )
        assert done.returncode == code, done.stderr + done.stdout
        assert "Traceback" not in done.stderr and "has a bug" not in done.stderr
        assert TOKEN not in done.stdout + done.stderr
        return done

    def value(self, *arguments: str | Path, code: int = 0, **more: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*arguments, "--json", code=code, **more).stdout)
        return found

    def pull(self, repo: str, revision: str | None = None) -> dict[str, Any]:
        return self.verb("models.pull", {"repo": repo, "revision": revision})

    def verb(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        with self.here():
            return find_verb(name)(request, self.work).value

    @contextmanager
    def here(self) -> Iterator[None]:
        """The client reads HF_ENDPOINT and its like when it is imported: here they are set where it keeps them."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(constants, "ENDPOINT", self.hub.url)
            patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
            template = self.hub.url + "/{repo_id}/resolve/{revision}/{filename}"
            patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
            patch.setattr(constants, "HF_HUB_CACHE", str(self.home / "hf" / "hub"))
            patch.setattr(constants, "HF_HUB_OFFLINE", False)
            patch.setenv("REDRAFT_HOME", str(self.home / "redraft"))
            patch.setenv("HF_TOKEN", self.token or "")
            yield

    def refusal(self, repo: str, revision: str | None = None) -> RedraftError:
        with pytest.raises(RedraftError) as refused:
            self.pull(repo, revision)
        return refused.value
