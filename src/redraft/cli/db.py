"""`redraft db ...`: the database of jobs, datasets, runs and models."""

from __future__ import annotations

import json as json_module
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

Run = Callable[..., None]
AS_JSON = typer.Option(False, "--json", help="Print one JSON document and nothing else.")


def register(app: typer.Typer, run: Run) -> None:
    """Adds the group `db`."""
    group = typer.Typer(help="Look at the database of the service, and bring it up to date.", no_args_is_help=True)
    group.command()(sync)
    group.command()(status)
    app.add_typer(group, name="db")


def sync(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders to look into besides the state folder.")
    ] = None,
    json: bool = AS_JSON,
) -> None:
    """Enter datasets, runs and models that lie in folders; nothing in them is changed."""
    from redraft.state.database import Database
    from redraft.state.sync import sync as bring_up_to_date

    database = Database.open()
    try:
        value = bring_up_to_date(database, [folder.absolute() for folder in folders or []]).as_data()
    finally:
        database.close()
    _print(value, json, show_sync)


def status(json: bool = AS_JSON) -> None:
    """Show which database this is, what it holds, and whether it is sound."""
    from redraft.state.database import Database
    from redraft.state.status import status as look

    database = Database.open()
    try:
        value = look(database)
    finally:
        database.close()
    _print(value, json, show_status)
    if value["damage"]:
        raise typer.Exit(1)


def show_sync(value: dict[str, Any]) -> None:
    """A row a kind, then what could not be read."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("")
    for column in ("new", "known", "missing"):
        table.add_column(column, justify="right")
    for kind in ("datasets", "runs", "models"):
        counts = value[kind]
        new = f"[green]{counts['new']}[/]" if counts["new"] else "0"
        missing = f"[yellow]{counts['missing']}[/]" if counts["missing"] else "0"
        table.add_row(kind, new, str(counts["known"]), missing)
    console.print(table)
    if value["catalogue"]:
        console.print(f"  {value['catalogue']} base models more in the catalogue")
    for fault in value["left_out"]:
        console.print(f"[yellow]left out:[/] {escape(fault['folder'])}: {escape(fault['reason'])}")


def show_status(value: dict[str, Any]) -> None:
    """Where it is, its size, its rows, and damage if there is any."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    mark = "[red]✗[/]" if value["damage"] else "[green]✓[/]"
    size = f"{value['bytes'] / 1e6:,.1f} MB"
    console.print(f"{mark} {value['engine']}, tables of version {value['version']}, {size}")
    console.print(f"  [dim]{escape(value['where'])}[/]")
    console.print("  " + ", ".join(f"{count:,} {name}" for name, count in value["rows"].items()))
    for line in value["damage"]:
        console.print(f"  [red]damage:[/] {escape(line)}")


def _print(value: dict[str, Any], json: bool, show: Callable[[dict[str, Any]], None]) -> None:
    if json:
        print(json_module.dumps(value, indent=2, ensure_ascii=False))
    else:
        show(value)
