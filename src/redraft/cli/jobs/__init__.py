"""`redraft jobs ...`: durable work, its state, and what its owner wants of it."""

from __future__ import annotations

from collections.abc import Callable

import typer

from redraft.cli.jobs import asking, logs, looking, submitting

Run = Callable[..., None]


def register(app: typer.Typer, run: Run) -> None:
    """Adds the group `jobs`."""
    group = typer.Typer(
        help="Submit, watch, pause, resume, cancel and delete durable jobs. The last characters of an id suffice.",
        no_args_is_help=True,
    )
    for part in (looking, logs, submitting, asking):
        part.register(group)
    app.add_typer(group, name="jobs")
