"""`redraft doctor`: what this machine has, and which walls stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer


def register(app: typer.Typer, run: Callable[..., None]) -> None:
    @app.command()
    def doctor(
        probe: bool = typer.Option(False, "--probe", help="Try Metal out again, whatever was found before."),
        json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    ) -> None:
        """Check this machine: libraries, memory, devices, and the walls around generated programs."""
        run("doctor.report", {"probe": probe}, as_json=json, show=_show)


def _show(value: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2))
    marks = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}
    for check in value["checks"]:
        text = escape(check["finding"]) + (f"\n[dim]{escape(check['remedy'])}[/]" if check["remedy"] else "")
        table.add_row(marks[check["state"]], escape(check["name"]), text)
    Console(soft_wrap=False, highlight=False).print(table)
