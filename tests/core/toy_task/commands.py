"""`redraft dots FILE`: counts the dots that a truth holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer


def register(app: typer.Typer, run: Callable[..., None]) -> None:
    @app.command()
    def dots(file: Path, json: bool = typer.Option(False, "--json", help="Print one JSON document.")) -> None:
        """Count the dots of a truth."""
        run("toy_task.count", {"file": str(file.absolute())}, as_json=json, show=_show)


def _show(value: dict[str, Any]) -> None:
    typer.echo(f"{value['dots']} dots")
