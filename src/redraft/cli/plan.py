"""`redraft plan`: what a recipe will take here, tried on its worst batch before the launch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from redraft.core.errors import UsageError


def register(app: typer.Typer, run: Callable[..., None]) -> None:
    @app.command()
    def plan(
        recipe: str = typer.Argument(help="A YAML recipe; see recipes/ and docs/recipes.md."),
        overrides: Annotated[
            list[str] | None, typer.Argument(help="key=value, such as train.batch_size=4.")
        ] = None,
        out: str = typer.Option(None, "--out", help="Where the run would be written; its disk is looked at."),
        memory: float = typer.Option(
            None, "--memory", min=0.1, help="Plan for a machine with so many GiB free, in place of this one's."
        ),
        json: bool = typer.Option(False, "--json", help="Print one JSON document and nothing else."),
    ) -> None:
        """Try a few steps on a recipe's worst batch: memory, time to the end, disk, and whether it fits."""
        from redraft.core.recipe import read_recipe

        if not Path(recipe).is_file():
            raise UsageError("there is no such recipe", where=recipe, remedy="See recipes/ for examples")
        checked = read_recipe(recipe, overrides or ())
        request = {
            "recipe": str(Path(recipe).resolve()),
            "overrides": list(overrides or ()),
            "out": str(Path(out or checked.output or Path("runs") / Path(recipe).stem).absolute()),
            "memory_gb": memory,
        }
        run("plan", request, as_json=json, show=show_plan)


def show_plan(value: dict[str, Any]) -> None:
    """The plan as a table, on standard output."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    screen = Console(highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for number, group in enumerate((_model(value), _memory(value), _time(value), _disk(value))):
        if number and group:
            table.add_row("", "", "")
        for name, figure, note in group:
            table.add_row(escape(name), escape(figure), escape(note))
    screen.print(f"[bold]{escape(Path(value['recipe']).name)}[/]  {_verdict(value)}\n")
    screen.print(table)
    if value["changes"]:
        screen.print("\n" + _advice(value["changes"]))
        screen.print(_changes(value))


def _verdict(value: dict[str, Any]) -> str:
    if value["fits"]:
        return "[green]✓ fits[/]"
    what = [name for name in ("memory", "disk") if not value[name]["fits"]]
    return f"[red]✗ does not fit: {' and '.join(what)}[/]"


def _model(value: dict[str, Any]) -> list[tuple[str, str, str]]:
    device, model, examples = value["device"], value["model"], value["examples"]
    rows = []
    if device["device"]:
        place = f"{device['precision']}, {device['threads']} threads" if device["device"] == "cpu" else ""
        rows.append(("device", device["device"], place or str(device["precision"])))
    if model["trainable"] is not None:
        rows.append(("trained", count(model["trainable"]), f"and {count(model['frozen'])} frozen parameters"))
    if examples:
        note = f"{examples['tokens_mean']:,.0f} tokens on average, {examples['tokens_longest']:,} the longest"
        rows.append(("examples", f"{examples['count']:,}", note))
        if examples["bad"]:
            first = "; ".join(f"{name}: {reason}" for name, reason in examples["bad_first"])
            note = f"of {examples['looked_at']:,} looked at cannot be trained on: {first}"
            rows.append(("", f"{examples['bad']:,}", note))
    return rows


def _memory(value: dict[str, Any]) -> list[tuple[str, str, str]]:
    memory = value["memory"]
    free = f"of {size(memory['available_bytes'])} free in {memory['limit']}"
    if memory["needed_bytes"] is None:
        return [("memory", f"> {size(memory['at_least_bytes'])}", f"{free}; the trial was ended there")]
    parts = {**memory["parts"], "kept examples": memory["kept_bytes"]}
    shown = {"rest": "activations and the rest"}
    said = ", ".join(f"{shown.get(name, name)} {size(part)}" for name, part in parts.items() if part)
    return [("memory", size(memory["needed_bytes"]), free), ("", "", said)]


def _time(value: dict[str, Any]) -> list[tuple[str, str, str]]:
    time = value["time"]
    if time["seconds_per_step"] is None:
        return []
    speed = (
        f"{time['examples_per_second']:,.1f} examples a second; the worst step {time['worst_step_seconds']:.2f} s"
    )
    rows = [("a step", f"{time['seconds_per_step']:.2f} s", speed)]
    if time["steps"] is not None:
        rows.append(("steps", f"{time['steps']:,}", ""))
    if time["total_seconds"] is not None:
        reading = f"{duration(time['prepare_seconds'])} of reading first; evaluations and saving come on top"
        rows.append(("to the end", duration(time["total_seconds"]), reading))
    return rows


def _disk(value: dict[str, Any]) -> list[tuple[str, str, str]]:
    disk = value["disk"]
    if not disk["checkpoint_bytes"]:
        return []
    number = disk["checkpoints"]
    note = f"{number} checkpoint{'s' * (number > 1)} of {size(disk['checkpoint_bytes'])} and room to write one"
    if disk["feature_cache_bytes"]:
        note += f", kept features {size(disk['feature_cache_bytes'])}"
    return [("disk", size(disk["needed_bytes"]), f"of {size(disk['free_bytes'])} free: {note}")]


def _advice(changes: list[dict[str, Any]]) -> str:
    fitting = next((change for change in changes if change["fits"]), None)
    if fitting is None:
        return "Nothing that was tried fits: take a smaller model, fewer pictures an example, or a larger machine."
    way = "tried, and fits" if fitting["tried"] else "should fit"
    return f"This {way}: [bold]{' '.join(fitting['set'])}[/]"


def _changes(value: dict[str, Any]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "memory", "a step", "settings"):
        table.add_column(name, justify="left" if name in ("", "settings") else "right", overflow="fold")
    for change in value["changes"]:
        needed, seconds = change["needed_bytes"], change["seconds_per_step"]
        memory = "too much" if needed is None and change["tried"] else "?" if needed is None else size(needed)
        memory += "" if change["tried"] else " (computed)"
        mark = "[green]✓[/]" if change["fits"] else "[red]✗[/]"
        table.add_row(mark, memory, f"{seconds:.2f} s" if seconds else "", escape(" ".join(change["set"])))
    return table


def size(bytes: float) -> str:
    """Bytes in the unit that reads best."""
    for unit in ("B", "KB", "MB"):
        if abs(bytes) < 1000:
            return f"{bytes:.0f} {unit}"
        bytes /= 1000
    return f"{bytes:,.1f} GB"


def count(number: int) -> str:
    if number >= 1e9:
        return f"{number / 1e9:.2f} B"
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number:,}"


def duration(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"
