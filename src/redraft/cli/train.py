"""`redraft train`: a recipe becomes a run, or a run goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from redraft.core.errors import UsageError


def register(app: typer.Typer, run: Callable[..., None]) -> None:
    @app.command()
    def train(
        recipe: str = typer.Argument(None, help="A YAML recipe; see recipes/ and docs/recipes.md."),
        overrides: Annotated[list[str] | None, typer.Argument(help="key=value, such as train.epochs=3.")] = None,
        out: str = typer.Option(None, "--out", help="The run's folder; runs/<recipe> by default."),
        resume: str = typer.Option(
            None, "--resume", help="A run that was stopped, to go on from its last checkpoint."
        ),
        json: bool = typer.Option(False, "--json", help="Print one JSON document and nothing else."),
    ) -> None:
        """Train a model as a recipe says, with checkpoints, evaluations and a report."""
        if resume:
            if recipe or out:
                raise UsageError(
                    "a resumed run keeps its recipe and its folder",
                    where="--resume",
                    remedy="Give --resume RUN alone, or a recipe for a new run",
                )
            if not Path(resume).is_dir():
                raise UsageError("there is no such run", where=resume, remedy="Give the folder of a run")
            run("train", {"resume": str(Path(resume).resolve())}, as_json=json, show=show_run)
            return
        if not recipe:
            raise UsageError(
                "there is neither a recipe nor a run to resume",
                remedy="Write `redraft train RECIPE.yaml`, or `redraft train --resume RUN`",
            )
        from redraft.core.recipe import read_recipe

        checked = read_recipe(recipe, overrides or ())
        request = {
            "recipe": str(Path(recipe).resolve()),
            "overrides": list(overrides or ()),
            "out": str(Path(out or checked.output or Path("runs") / Path(recipe).stem).absolute()),
        }
        run("train", request, as_json=json, show=show_run)


def show_run(value: dict[str, Any]) -> None:
    """What a run came to, on standard output."""
    from rich.console import Console
    from rich.markup import escape

    screen = Console(highlight=False, soft_wrap=True)
    for line in lines(value):
        screen.print(escape(line))


def lines(value: dict[str, Any]) -> list[str]:
    """The figures of a finished run, a sentence each."""
    found = [f"{value['status']} after {value['steps']:,} steps"]
    if value.get("train_loss") is not None:
        found += [
            f"loss {value['first_loss']:.3f} to {value['train_loss']:.3f}: {value['loss_drop']:.0%} less",
            f"batch-to-batch variation {value['batch_variation']:.1%}, "
            f"{value['examples_per_second']:.1f} examples a second, "
            f"peak memory {value['peak_memory_bytes'] / 1e6:,.0f} MB",
        ]
    scores = value.get("scores") or {}
    if scores.get("mean") is not None:
        found.append(f"score {scores['mean']:.3f} on {scores['examples']} examples, {scores['valid']:.0%} valid")
    found += [f"checkpoint: {value['checkpoint']}", f"run: {value['run']}", f"report: {value['report']}"]
    return found
