"""Folders for containers: under /tmp, since pytest's own are closed to other users than the one who runs it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def scratch() -> Iterator[Callable[[], Path]]:
    """Gives new folders, readable by everybody and removed at the end."""
    made: list[Path] = []

    def make() -> Path:
        folder = Path(tempfile.mkdtemp(prefix="redraft-container-", dir="/tmp"))
        folder.chmod(0o755)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def volume(scratch: Callable[[], Path]) -> Path:
    """A new volume, as an engine makes it: owned by whom the image says."""
    folder = scratch()
    folder.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(folder, 10001, 10001)
    return folder
