"""Which server serves this state folder: a note that it leaves there, for commands and for workers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from redraft.core.atomic import write_bytes
from redraft.core.home import home
from redraft.queue import liveness

SERVING = "serving.json"
"""In the state folder: address and process of its server."""


def note_serving(url: str, host: str, port: int) -> None:
    """Notes the server's address in the state folder."""
    told = {"url": url, "host": host, "port": port, "process": liveness.identity()}
    write_bytes(home() / SERVING, json.dumps(told).encode() + b"\n")


def forget_serving() -> None:
    """Takes the note away, where it is this process's own."""
    told = serving()
    if told is not None and told["process"]["pid"] == os.getpid():
        (home() / SERVING).unlink(missing_ok=True)


def serving(folder: Path | None = None) -> dict[str, Any] | None:
    """The note of the server that serves this state folder now: url, host, port, process; None where none does."""
    try:
        told: dict[str, Any] = json.loads(((folder or home()) / SERVING).read_text())
        lives = liveness.here(told["process"]) and liveness.alive(told["process"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return told if lives else None
