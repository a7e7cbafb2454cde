"""`redraft models ...`: the models on this machine, and the way to and from a hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

Run = Callable[..., None]
AS_JSON = typer.Option(False, "--json", help="Print one JSON document and nothing else.")
REPO = typer.Argument(help="<owner>/<name> on the Hugging Face hub.")


def register(app: typer.Typer, run: Run) -> None:
    """Adds the group `models`."""
    models = typer.Typer(help="List, pull, import, merge and push models.", no_args_is_help=True)
    for command in (_list, _pull, _import, _merge, _push):
        command(models, run)
    app.add_typer(models, name="models")


def _list(app: typer.Typer, run: Run) -> None:
    @app.command("list")
    def list_(json: bool = AS_JSON) -> None:
        """List the models on this machine."""
        run("models.list", {}, as_json=json, show=show_list)


def _pull(app: typer.Typer, run: Run) -> None:
    @app.command()
    def pull(
        repo: str = REPO,
        revision: str = typer.Option(None, "--revision", help="A commit, tag or branch; main by default."),
        json: bool = AS_JSON,
    ) -> None:
        """Fetch a model from a hub: resumed, checked, and pinned to its commit."""
        run("models.pull", {"repo": repo, "revision": revision}, as_json=json, show=show_pull)


def _import(app: typer.Typer, run: Run) -> None:
    @app.command("import")
    def import_(
        source: str = typer.Argument(help="A TinyLLaVA or OpenECAD checkpoint, or a folder of pickled weights."),
        out: str = typer.Argument(help="The new folder; it must not exist, or be empty."),
        json: bool = AS_JSON,
    ) -> None:
        """Turn a published checkpoint into safetensors of stock classes, audited weight by weight."""
        request = {"source": str(Path(source).absolute()), "out": str(Path(out).absolute())}
        run("models.import", request, as_json=json, show=show_import)


def _merge(app: typer.Typer, run: Run) -> None:
    @app.command()
    def merge(
        checkpoint: str = typer.Argument(help="A checkpoint with an adapter, or its run."),
        out: str = typer.Argument(help="The new folder; it must not exist, or be empty."),
        dataset: str = typer.Option(None, "--dataset", help="Prove it on examples of this dataset."),
        split: str = typer.Option(None, "--split", help="The split whose examples are taken; else the first."),
        json: bool = AS_JSON,
    ) -> None:
        """Merge an adapter into its base model, proved by equal logits and unchanged tensors."""
        request = {
            "checkpoint": str(Path(checkpoint).absolute()),
            "out": str(Path(out).absolute()),
            "dataset": str(Path(dataset).absolute()) if dataset else None,
            "split": split,
        }
        run("models.merge", request, as_json=json, show=show_merge)


def _push(app: typer.Typer, run: Run) -> None:
    @app.command()
    def push(
        checkpoint: str = typer.Argument(help="A checkpoint, a run, or a model's folder."),
        repo: str = REPO,
        public: bool = typer.Option(False, "--public", help="Make a new repository public; private otherwise."),
        json: bool = AS_JSON,
    ) -> None:
        """Upload a model with its card to a hub; only what is new there is sent."""
        request = {"checkpoint": str(Path(checkpoint).absolute()), "repo": repo, "public": public}
        run("models.push", request, as_json=json, show=show_push)


def show_list(value: dict[str, Any]) -> None:
    """A row a model."""
    console = Console(highlight=False)
    if not value["models"]:
        console.print("There are no models on this machine yet: `redraft models pull <owner>/<name>` fetches one.")
        return
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("name", overflow="fold")
    for column in ("family", "parameters", "size", "revision", "licence"):
        table.add_column(column, justify="right" if column in ("parameters", "size") else "left")
    for entry in value["models"]:
        table.add_row(
            escape(entry["name"]),
            escape(entry["family"]),
            _count(entry["parameters"]),
            _size(entry["bytes"]),
            (entry["revision"] or "")[:12],
            escape(entry["licence"] or ""),
        )
    console.print(table)


def show_pull(value: dict[str, Any]) -> None:
    """Where the model lies, at which commit, and what of it came now."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[green]✓[/] hf:{escape(value['repo'])} at commit {value['revision']}")
    if not value["verified"]:
        console.print("  the hub is away; this is the copy that was fetched before")
    elif value["present"] == value["files"]:
        console.print(f"  all {value['files']} files ({_size(value['bytes'])}) were there already, checksums hold")
    else:
        resumed = f", {_size(value['resumed_bytes'])} were there from before" if value["resumed_bytes"] else ""
        console.print(
            f"  {value['files']} files, {_size(value['fetched_bytes'])} fetched in {value['seconds']:.1f} s"
            f"{resumed}, {value['present']} files there already, checksums hold"
        )
    if value["licence"]:
        console.print(f"  licence: {escape(value['licence'])}")
    console.print(f"  [dim]{escape(value['folder'])}[/]")


def show_import(value: dict[str, Any]) -> None:
    """What was made of which tensors, and what was made up for."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[green]✓[/] {escape(value['output'])}: {value['family']}, {_size(value['bytes'])}")
    console.print(f"  {value['tensors']:,} tensors, each used once, and every weight filled; it opens and fits")
    for note in value["notes"]:
        console.print(f"  {escape(note)}")
    if value["walls"] is not None:
        whole = "every wall stood" if value["walls"]["whole"] else "not every wall stood (see `redraft doctor`)"
        console.print(f"  [dim]pickles were read as weights alone, in a process apart: {whole}[/]")


def show_merge(value: dict[str, Any]) -> None:
    """What the proof of a merge measured."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[green]✓[/] {escape(value['model'])}: {value['family']}, {_size(value['bytes'])}")
    drawn = "drawn examples" if value["drawn"] else "examples of the dataset"
    console.print(
        f"  on {value['examples']} {drawn} no logit moved by more than {value['max_logit_difference']:.2g} "
        f"(rounding explains {value['tolerance']:.2g}; the adapter moves one by {value['adapter_effect']:.2g})"
    )
    console.print(
        f"  {value['changed']} of {value['tensors']} tensors changed, all among the {value['adapted']} adapted"
    )


def show_push(value: dict[str, Any]) -> None:
    """Where the model lies now, and what was sent."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[green]✓[/] {escape(value['url'])} ({'private' if value['private'] else 'public'})")
    if not value["sent"]:
        console.print(f"  all {len(value['unchanged'])} files were there already")
        return
    kept = f", {len(value['unchanged'])} were there already" if value["unchanged"] else ""
    console.print(f"  {len(value['sent'])} files sent ({_size(value['bytes'])}){kept}")


def _count(number: int | None) -> str:
    if number is None:
        return "?"
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return str(number)


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:,.2f} {unit}"
    return f"{count / 1e3:,.1f} kB"
