"""`redraft evaluate`: how good a model's answers are on a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from redraft.core.errors import UsageError


def register(app: typer.Typer, run: Callable[..., None]) -> None:
    @app.command()
    def evaluate(
        checkpoint: str = typer.Argument(
            help="A checkpoint, a run, a model folder, or a model on a server: http://host:port/v1#model."
        ),
        dataset: str = typer.Argument(help="A dataset folder."),
        split: str = typer.Option("test", "--split", help="Which of its splits."),
        limit: int = typer.Option(None, "--limit", min=1, help="Only so many examples, evenly over the split."),
        samples: int = typer.Option(
            1, "--samples", min=1, max=64, help="Answers an example; the best of them is reported apart."
        ),
        against: str = typer.Option(
            None, "--against", help="Another model on the same examples, or 'untrained': what this one was before."
        ),
        out: str = typer.Option(
            None,
            "--out",
            help="A new folder for answers and figures; inside RUN/evaluations it joins the report.",
        ),
        keep_samples: int = typer.Option(4, "--keep-samples", min=1, help="Examples kept with pictures in --out."),
        batch_size: int = typer.Option(None, "--batch-size", min=1, help="Answers at once."),
        max_new_tokens: int = typer.Option(None, "--max-new-tokens", min=1, help="The longest answer."),
        temperature: float = typer.Option(0.7, "--temperature", min=0.01, help="Of all answers but the first."),
        seed: int = typer.Option(0, "--seed", help="Of the drawn answers, the intervals and the shuffling."),
        device: str = typer.Option("auto", "--device", help="auto, cpu, cuda or mps."),
        task: str = typer.Option(None, "--task", help="Only for a dataset without a manifest."),
        json: bool = typer.Option(False, "--json", help="Print one JSON document and nothing else."),
    ) -> None:
        """Let a model answer a dataset's questions and score the answers."""
        if not Path(dataset).is_dir():
            raise UsageError("there is no such dataset", where=dataset, remedy="Give a dataset folder")
        request = {
            "checkpoint": _place(checkpoint),
            "dataset": str(Path(dataset).resolve()),
            "split": split,
            "limit": limit,
            "samples": samples,
            "against": _place(against) if against and against != "untrained" else against,
            "out": str(Path(out).absolute()) if out else None,
            "keep_samples": keep_samples,
            "batch_size": batch_size,
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "seed": seed,
            "device": device,
            "task": task,
        }
        run("evaluate", request, as_json=json, show=show_evaluation)


def _place(name: str) -> str:
    """A model's name with its path made absolute; servers and "default" stay as they are."""
    if name == "default" or name.startswith(("http://", "https://")):
        return name
    path = Path(name).expanduser()
    if not path.exists():
        raise UsageError(
            "there is no such model", where=name, remedy="Give a checkpoint, a run, a model folder, or a server"
        )
    return str(path.resolve())


def show_evaluation(value: dict[str, Any]) -> None:
    """The figures as a table, then what they say, on standard output."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    screen = Console(highlight=False, soft_wrap=True)
    columns = [value, *([value["against"]] if value.get("against") else [])]
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("")
    for column in columns:
        table.add_column(escape(column["model"]), justify="right")
    for name, row in _rows(columns):
        if any(row):
            table.add_row(name, *row)
    screen.print(table)
    screen.print()
    for sentence in value["says"]:
        screen.print(escape(sentence))
    for name in ("out", "report"):
        if value.get(name):
            screen.print(f"[dim]{name}:[/] {escape(value[name])}")


def _rows(columns: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    def each(form: Callable[[dict[str, Any]], str]) -> list[str]:
        return [form(column) for column in columns]

    def interval(column: dict[str, Any]) -> str:
        found = column["interval"]
        return f"{found[0]:.3f} to {found[1]:.3f}" if found else ""

    def figure(column: dict[str, Any], key: str) -> str:
        return f"{column[key]:.3f}" if column.get(key) is not None else ""

    rows = [
        ("score (first answer)", each(lambda c: figure(c, "mean"))),
        ("95 % interval", each(interval)),
        ("median", each(lambda c: figure(c, "median"))),
        ("valid answers", each(lambda c: f"{100 * c['valid']:.1f} %")),
        ("loss", each(lambda c: figure(c, "loss"))),
        ("loss, wrong images", each(lambda c: figure(c, "loss_shuffled"))),
        ("tokens a second", each(lambda c: f"{c['speed']['tokens_per_second'] or 0:,.0f}")),
    ]
    best = value["samples"] if (value := columns[0]["best_of"]) else 0
    if best:
        rows.insert(3, (f"best of {best}", each(lambda c: figure(c["best_of"], "mean"))))
    return rows
